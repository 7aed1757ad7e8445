"""Files that one dataclass declares: devices (with the CSV files beside them), recipes, sweeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nas.files.records import Schema, properties_of
from nas.latency.device import EDITED, load_device
from nas.latency.files import DeviceDocument
from nas.schema.kind import Found, Kind
from nas.study.sweep.plan import Sweep, load_sweep
from nas.train.recipe import Recipe, load_recipe


def _device(path: Path) -> Found:
    device = load_device(path)
    error = device.held_out["median_error_pct"]
    holds = EDITED if device.edited else f"median error {error:.1f} % on networks held out"
    return Found("device", device.name, holds)


def _recipe(path: Path) -> Found:
    recipe = load_recipe(path)
    holds = f"{recipe.epochs} epochs of {recipe.optimiser.name}, {recipe.batch} images a step"
    return Found("recipe", recipe.name, holds)


def _sweep(path: Path) -> Found:
    sweep = load_sweep(path)
    holds = f"{len(sweep.cells())} cells of {sweep.trials} trials, {len(sweep.devices)} devices"
    return Found("sweep", sweep.name, holds)


def _sweep_content(record: Any) -> Schema:
    """As in the loader, `budgets_ms` may be a single list for all devices."""
    found = properties_of(record)
    budgets = found["properties"]["budgets_ms"]
    text, by_device = budgets.pop("description"), budgets.copy()
    either = {"description": text, "anyOf": [by_device["additionalProperties"], by_device]}
    found["properties"]["budgets_ms"] = either
    return found


DEVICE = Kind("device", "Device", "predictors/*/device.yaml", DeviceDocument, _device)
RECIPE = Kind("recipe", "Training recipe", "nas/train/recipes/*.yaml", Recipe, _recipe)
SWEEP = Kind("sweep", "Sweep", "docs/cluster/sweep.yaml", Sweep, _sweep, _sweep_content)
