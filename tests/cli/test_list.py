"""`nas list`: everything shipped is listed, as a table and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nas.blocks import BLOCKS
from nas.files.resources import named
from nas.train.recipe import recipes

from .conftest import Nas

LISTS = {
    "archs": ("name", [*named("architecture")]),
    "spaces": ("name", [*named("space")]),
    "devices": ("name", [*named("device")]),
    "surrogates": ("name", [*named("surrogate")]),
    "blocks": ("op", [*BLOCKS]),
    "recipes": ("name", [*recipes()]),
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


def test_every_device_beats_size_alone_on_networks_left_out(nas: Nas) -> None:
    for device in json.loads(nas("list", "devices", "--json").out):
        held_out = device["held_out"]
        for error in ("median", "mean"):
            assert held_out[f"{error}_error_pct"] < held_out[f"trivial_{error}_error_pct"]


def test_a_throughput_device_says_that_its_ms_are_per_image(nas: Nas) -> None:
    devices = json.loads(nas("list", "devices", "--json").out)
    batches = {device["batch"] for device in devices if device["batch"] > 1}
    text = " ".join(nas("list", "devices").out.split())
    assert batches
    assert all(f"ms per image at batch {batch}" in text for batch in batches)
