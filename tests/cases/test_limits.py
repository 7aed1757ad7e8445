"""Hard limits hold for every network that is queued, trained, shown or chosen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nas.library import load_arch, load_device
from nas.search import Settings
from nas.study.run import queued, searched

from .conftest import Nas

DEVICES = ("sd855-cpu-1t", "pixel6-cpu")


@pytest.mark.slow
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
    result = searched({**asked, "settings": Settings(generations=2, children=200)}, 8, ())
    small, large = result.seeds
    assert result.seeds_within == (small,)
    codes = queued(result, 8, zero_cost=(), task=None)  # type: ignore[arg-type]
    archs = [result.space.decode(code) for code in codes]
    assert small.arch in archs
    assert large.arch not in archs
