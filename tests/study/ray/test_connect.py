"""An address without a cluster is reported soon."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from nas.errors import ClusterError

from .conftest import Driver

pytest.importorskip("ray", reason="ray is not installed; pip install '.[test-all]'")
from nas.study.ray.connect import CONNECT_S, cluster  # noqa: E402 - imports ray


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "nothing answers there"),
        ("ray://127.0.0.1:1", "nothing answers there"),
        ("localhost", "expected auto, HOST:6379 or ray://HOST:10001"),
        ("ray://head", "expected auto, HOST:6379"),
    ],
)
def test_nothing_listens(address: str, said: str) -> None:
    with pytest.raises(ClusterError, match=said), cluster(address):
        pass


@pytest.mark.slow
def test_what_listens_is_no_cluster(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        code, out, err = Driver(folder, address).run(timeout=120)
    assert (code, out) == (2, "")
    assert f"--address {address}: no Ray cluster answers within {CONNECT_S:.0f} s" in err
    assert "Traceback" not in err
