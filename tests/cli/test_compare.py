"""`nas compare`: one line a network, kinds of figures apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.files.resources import named

from .conftest import Nas


def test_json_is_a_list_of_what_show_gives(nas: Nas) -> None:
    names = ["mobilenetv2", "repvit-m0.9"]
    content = json.loads(nas("compare", *names, "--device", "iphone12-lut", "--json").out)
    shown = [
        json.loads(nas("show", name, "--device", "iphone12-lut", "--json").out) for name in names
    ]
    assert content == shown


def test_table_of_all_networks_fits_80_columns(nas: Nas) -> None:
    done = nas("compare", *named("architecture"), "--device", "iphone12-lut")
    assert (done.code, done.err) == (0, "")
    assert "…" not in done.out
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    for name in named("architecture"):
        assert any(line.startswith(name) for line in lines)
    for header in ("predicted", "estimated", "published"):
        assert header in lines[0]


def test_without_a_device_no_milliseconds_are_invented(nas: Nas) -> None:
    line = nas("compare", "mobilenetv2").out.splitlines()[3]
    assert line.split()[:2] == ["mobilenetv2", "-"]


def test_traced_networks_stand_beside_tables_without_an_estimate(nas: Nas) -> None:
    pytest.importorskip("torchvision")
    names = ("torchvision:squeezenet1_1", "mobilenetv2")
    content = json.loads(nas("compare", *names, "--device", "iphone12-lut", "--json").out)
    assert [found["name"] for found in content] == list(names)
    assert [found["top1"] is None for found in content] == [True, False]
    assert all(found["ms"] > found["ms_fixed"] for found in content)
    assert "traced from torchvision" in nas("compare", *names).out


def test_two_networks_are_drawn_beside_each_other(nas: Nas, tmp_path: Path) -> None:
    path = tmp_path / "two.svg"
    assert nas("compare", "mobilenetv2", "mobilenetv3-small", "--svg", str(path)).code == 0
    text = path.read_text(encoding="utf-8")
    assert "mobilenetv2" in text
    assert "mobilenetv3-small" in text
    done = nas("compare", "mobilenetv2", "--svg", str(path))
    assert done.code == 2
    assert "draws two networks beside each other, found 1" in done.err
