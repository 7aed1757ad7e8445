"""Recorded settings of a sweep, and which of its numbers may grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from nas import library
from nas.files.settings import RunInputs, RunSettings
from nas.study.sweep.files import CELLS_FILE
from nas.study.sweep.plan import HardLimits, Scheduler, Sweep
from nas.train import settings as train_settings
from nas.train.run import Task

SAME = ("strategies", "seeds", "objectives", "zero_cost", "caution", "storage")
"""Fields of a sweep that are recorded unchanged."""


def settings(sweep: Sweep, task: Task) -> RunSettings:
    """Settings of a sweep with loaded images; nodes and resources are not among them."""
    sizes = {
        "trials": sweep.trials,
        "epochs": sweep.plan().epochs,
        "finalists": sweep.finalists,
        "final_seeds": sweep.final_seeds,
    }
    whole = RunSettings.of("sweep", sweep.name, sizes, train_settings.inputs(task), _inputs(sweep))
    return replace(whole, outdated=(CELLS_FILE,))


def _inputs(sweep: Sweep) -> RunInputs:
    """Names of spaces and devices, and hashes of their content."""
    spaces = [library.load_space(space).space_hash for space in sweep.spaces]
    devices = [library.load_device(device).content_hash for device in sweep.devices]
    contents = {
        "space": ", ".join(spaces),
        "device": ", ".join(devices),
        "surrogate": library.load_surrogate(sweep.surrogate).content_hash,
    }
    values: Mapping[str, object] = {
        "spaces": _names(sweep.spaces),
        "devices": _names(sweep.devices),
        "budgets_ms": {Path(key).name: list(own) for key, own in sweep.budgets_ms.items()},
        **{key: getattr(sweep, key) for key in SAME},
        "scheduler": asdict(sweep.scheduler),
        "limits": asdict(sweep.limits),
        "precision": sweep.precision,
    }
    defaults = {"scheduler": asdict(Scheduler()), "limits": asdict(HardLimits())}
    return RunInputs(contents, values, defaults)


def _names(paths: Sequence[str]) -> list[str]:
    return [Path(path).name for path in paths]
