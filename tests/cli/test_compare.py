"""`nas compare`: one line a network, kinds of figures apart."""

from __future__ import annotations

import json

from nas.folders import named

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
