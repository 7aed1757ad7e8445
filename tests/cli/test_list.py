"""`nas list`: everything shipped is listed, as a table and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nas.blocks import BLOCKS
from nas.folders import named

from .conftest import Nas

LISTS = {
    "archs": ("name", [*named("architecture")]),
    "spaces": ("name", [*named("space")]),
    "devices": ("name", [*named("device")]),
    "surrogates": ("name", [*named("surrogate")]),
    "blocks": ("op", [*BLOCKS]),
}


@pytest.mark.parametrize("what", LISTS)
def test_everything_shipped_is_listed(nas: Nas, what: str) -> None:
    key, names = LISTS[what]
    done = nas("list", what, "--json")
    content: list[dict[str, Any]] = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert [entry[key] for entry in content] == names


@pytest.mark.parametrize("what", LISTS)
def test_table_fits_80_columns(nas: Nas, what: str) -> None:
    done = nas("list", what)
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert all(name in done.out for name in LISTS[what][1])


def test_device_shows_its_error_beside_the_one_of_size_alone(nas: Nas) -> None:
    (device,) = json.loads(nas("list", "devices", "--json").out)
    held_out = device["held_out"]
    assert held_out["mean_error_pct"] <= held_out["trivial_mean_error_pct"]
