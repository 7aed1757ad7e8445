"""Hard limits hold for every network, and what numbers and objects they are given as."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nas.errors import BudgetError
from nas.files import yaml
from nas.files.output import Output
from nas.library import load_arch, load_device, load_space, load_surrogate
from nas.optimize import EvolutionSettings, search
from nas.report.folders.write_search import write_result
from nas.study.request import StudyRequest, initial_codes
from nas.study.resumable import search_and_train
from nas.study.settings import StudySettings
from nas.train.data import load_data
from nas.train.recipe import load_recipe
from nas.train.run import Task

from .conftest import Nas

DEVICES = ("sd855-cpu-1t", "pixel6-cpu")
TINY = Path(__file__).with_name("tinyspace.yaml")


@pytest.mark.slow
@pytest.mark.usefixtures("few_generations")
def test_every_trained_network_is_inside_all_limits(nas: Nas, here: Path) -> None:
    few = ("--trials", "3", "--epochs", "1", "--finalists", "1", "--seeds", "1")
    asked = [part for device in DEVICES for part in ("--device", device)]
    limits = ("--max-params-m", "1", "--budget-ms", "5")
    done = nas("search", "--data", "digits", *asked, *limits, *few, "--name", "a", "--json")
    assert done.code == 0, done.err
    trials = json.loads(done.out)["trials"]
    assert len(trials) == 3
    for trial in trials:
        arch = load_arch(here / "results" / "a" / "trials" / trial["arch_id"] / "arch.yaml")
        assert arch.params <= 1e6
        assert all(load_device(device).predict(arch).ms <= 5 for device in DEVICES)


@pytest.mark.parametrize(
    "limits",
    [
        {"max_params": 3e6},
        {"max_macs": 1e8},
        {"max_peak": 5e5},
        {"budget_ms": (90, 3)},
        {"budget_ms": (90, 4), "confidence": 0.9},
    ],
)
def test_known_networks_are_queued_within_all_limits(limits: dict[str, Any]) -> None:
    asked = {"space": "mobilenetv3", "device": DEVICES, "budget_ms": 90, **limits}
    settings = EvolutionSettings(generations=1, children=50)
    result = StudyRequest({**asked, "settings": settings}, StudySettings(8)).run_search()
    small, large = result.known
    assert result.known_within == (small,)
    codes = initial_codes(result, 8, zero_cost=(), task=None)  # type: ignore[arg-type]
    archs = [result.space.decode(code) for code in codes]
    assert small.arch in archs
    assert large.arch not in archs


def test_a_size_that_no_image_has_is_refused_with_the_range(nas: Nas, here: Path) -> None:
    for size in ("99999", "0", "224x5000", "123456789"):
        done = nas("show", f"mobilenetv3-large@{size}")
        assert (done.code, done.out) == (2, "")
        assert f"expected a size from 1 to 4096, found {size}" in done.err
        assert len(done.err.strip().splitlines()) == 1


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, int])
def test_numbers_of_numpy_are_numbers(kind: Callable[[float], Any], tmp_path: Path) -> None:
    few, space = EvolutionSettings(generations=2, children=50), str(TINY)
    asked: dict[str, Any] = {"max_params": kind(8000), "seed": np.int64(3), "caution": kind(1)}
    found = search(space, budget_ms=kind(1), settings=few, **asked)
    assert found.budget_ms == 1
    assert found.best.arch.params <= 8000
    write_result(tmp_path, found, ["nas"])
    assert yaml.read(tmp_path / "study.yaml")["budget_ms"] == 1
    several = search(space, DEVICES, budget_ms=np.array([90, 6], kind), settings=few)
    assert several.limits.ms == (90, 6)


@pytest.mark.parametrize("found", ["1", True, None, np.array(["1"]), 1j])
def test_a_budget_that_is_no_number_is_refused(found: object) -> None:
    with pytest.raises(BudgetError, match="expected a budget above 0 ms, found"):
        search("mobilenetv3", budget_ms=found)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_study_takes_its_own_defaults_and_loaded_objects(tmp_path: Path) -> None:
    plain = replace(load_recipe("proxy"), batch=32)
    images = load_data("digits")
    task = Task(replace(images, train=images.train.take(torch.arange(128))), plain)
    settings = StudySettings(trials=2, epochs=1, finalists=1, seeds=1)
    few = EvolutionSettings(generations=2, children=200)
    space = str(TINY)
    loaded: dict[str, Any] = {
        "space": load_space(space),
        "device": [load_device(name) for name in DEVICES],
        "surrogate": load_surrogate("imagenet"),
    }
    for workers, asked in ((1, {"space": space}), (2, loaded)):
        output = Output(tmp_path, str(workers))
        limits: dict[str, Any] = {"budget_ms": 3, "settings": few}
        result, studied, _ = search_and_train(
            task, settings, output, write=write_result, workers=workers, **limits, **asked
        )
        assert len(studied.trials) == 2
        devices = (result.device, *result.others)
        for trial in studied.trials:
            assert all(device.predict(trial.candidate.arch).ms <= 3 for device in devices)
