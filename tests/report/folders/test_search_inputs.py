"""What a result names is found again, and said where it differs or is gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nas.files.resources import named
from nas.optimize import EvolutionSettings, search
from nas.report.folders.search import read_search
from nas.report.folders.search_inputs import load_inputs
from nas.report.folders.write_search import write_result
from nas.report.pages.front import device_views, front_section

from ..conftest import edit

OTHER = {"name": "pixel1-cpu", "hash": "0" * 12, "budget_ms": 60.0, "ms": 50.0}


def test_known_networks_are_points_of_the_space_fastest_first(run: Path) -> None:
    found = load_inputs(read_search(run))
    (device,) = found.devices
    seeds = found.assessed(device)
    assert {"mobilenetv2", "efficientnet-b0", "repvit-m0.9"} <= {c.arch.name for c in seeds}
    assert [c.ms for c in seeds] == sorted(c.ms for c in seeds)
    assert seeds[0].ms == device.predict(seeds[0].arch).ms


def test_what_was_given_as_a_path_is_found_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(named("device")["iphone12-lut"].parent, "mine")
    device = Path("mine/device.yaml")
    device.write_text(device.read_text().replace("name: iphone12-lut", "name: my-phone"))
    space = Path("narrow.yaml")
    space.write_text(named("space")["mobilenetv3"].read_text().replace("mobilenetv3", "narrow", 1))
    few = EvolutionSettings(generations=3, children=200)
    found = search(space, "mine", budget_ms=1.0, settings=few)
    folder = Path("run")
    folder.mkdir()
    write_result(folder, found, ["nas", "search"])
    study = read_search(folder).study
    assert study["device"]["path"] == "mine/device.yaml"
    assert study["space"]["path"] == "narrow.yaml"
    assert "path" not in study["surrogate"]
    here = load_inputs(read_search(folder))
    assert [device.name for device in here.devices] == ["my-phone"]
    assert here.seeds
    assert not here.cautions


def test_another_hash_is_said_and_what_is_gone_is_left_out(run: Path) -> None:
    gone = {"name": "no-such-thing", "hash": "0" * 12}
    edit(run, surrogate=gone, others=[OTHER])
    result = read_search(run)
    found = load_inputs(result)
    assert [device.name for device in found.devices] == ["iphone12-lut", "pixel1-cpu"]
    text = " ".join(found.cautions)
    assert "The surrogate no-such-thing is missing" in text
    assert "The device pixel1-cpu has changed since this result was made" in text
    assert found.assessed(found.devices[0]) == []
    first, other = device_views(result, found)
    assert first.front == result.front
    assert [c.arch for c in other.front] == [c.arch for c in result.front]
    assert other.best is not None
    assert other.best.ms == found.devices[1].predict(result.best).ms


def test_without_its_device_the_front_is_shown_as_it_was_found(run: Path) -> None:
    edit(run, device={"name": "my-phone", "hash": "0" * 12})
    result = read_search(run)
    (view,) = device_views(result, load_inputs(result))
    assert (view.device, view.front, view.seeds) == ("my-phone", result.front, ())


def test_without_its_device_another_one_shows_the_same_networks(run: Path) -> None:
    edit(run, device={"name": "my-phone", "hash": "0" * 12}, others=[OTHER])
    result = read_search(run)
    shown = device_views(result, load_inputs(result))
    assert [view.device for view in shown] == ["my-phone", "pixel1-cpu"]
    assert front_section(result, shown).name == "accuracy"  # a row has every device's ms
