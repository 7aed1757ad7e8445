"""`nas list`: everything shipped is listed, and what was made here, as a table and as JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from nas.blocks import BLOCKS
from nas.files.resources import named
from nas.files.settings import RunInputs, RunSettings
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


def test_spaces_state_their_rules(nas: Nas) -> None:
    listed = json.loads(nas("list", "spaces", "--json").out)
    ruled = {space["name"]: space["rules"] for space in listed if space["rules"]}
    assert ruled == {"mobile": {"widths": "nondecreasing"}}


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


def test_a_device_for_quantised_networks_says_so(nas: Nas) -> None:
    text = " ".join(nas("list", "devices").out.split())
    for device in json.loads(nas("list", "devices", "--json").out):
        settings = (device[key] for key in ("hardware", "runtime", "version", "precision"))
        assert "; ".join(settings) in text


def test_own_devices_are_listed_by_what_device_takes(nas: Nas, here: Path) -> None:
    shutil.copytree(named("device")["iphone13"].parent, here / "my phone")
    devices = json.loads(nas("list", "devices", "--json").out)
    assert [device["name"] for device in devices if not device["shipped"]] == ["my phone"]
    assert "my phone" in nas("list", "devices").out
    assert nas("show", "mobilenetv2", "--device", "my phone").code == 0


@pytest.mark.usefixtures("few_generations")
def test_results_are_listed_with_devices_and_budgets(nas: Nas, here: Path) -> None:
    asked = ("search", "--space", "mobilenetv3", "--device", "iphone12-lut", "--budget-ms", "1")
    assert nas(*asked, "--name", "one").code == 0
    more = ("--device", "pixel1-cpu", "--budget-ms", "90")
    assert nas(*asked, *more, "--name", "two").code == 0
    (here / "results" / "notes").mkdir()
    content = json.loads(nas("list", "results", "--json").out)
    assert [entry["path"] for entry in content] == ["results/one", "results/two"]
    assert {entry["made_by"] for entry in content} == {"nas search"}
    assert content[1]["devices"] == ["iphone12-lut", "pixel1-cpu"]
    assert content[1]["budgets_ms"] == [1, 90]
    done = nas("list", "results")
    assert "iphone12-lut, pixel1-cpu" in done.out
    assert "1, 90" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_interrupted_runs_are_listed_last(nas: Nas, here: Path) -> None:
    work = here / "results" / ".mine.work"
    work.mkdir(parents=True)
    RunSettings.of(
        "adapt --data", "mine", {}, RunInputs(values={"plan": {"budget_ms": 2.5}})
    ).write(work)
    (entry,) = json.loads(nas("list", "results", "--json").out)
    assert (entry["path"], entry["made_by"]) == ("results/mine", "nas adapt")
    assert (entry["budgets_ms"], entry["interrupted"]) == ([2.5], True)
    assert "interrupted" in nas("list", "results").out


def test_a_folder_that_is_missing_or_damaged_is_named(nas: Nas, here: Path) -> None:
    assert "results: no such folder" in nas("list", "results").err
    (here / "results" / "one").mkdir(parents=True)
    (here / "results" / "one" / "study.yaml").write_text("device: [", encoding="utf-8")
    done = nas("list", "results")
    assert (done.code, done.out) == (2, "")
    assert "results/one/study.yaml" in done.err
