"""Sweeps; what the loader takes as one list of budgets for all devices, the schema takes, too."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from nas.fields import required
from nas.schema.fields import properties_of
from nas.schema.kind import Found, Kind, Schema
from nas.sweep.plan import Sweep, load_sweep


def _content() -> Schema:
    found = properties_of(Sweep)
    budgets = found["properties"]["budgets_ms"]
    text, by_device = budgets.pop("description"), budgets.copy()
    either = {"description": text, "anyOf": [by_device["additionalProperties"], by_device]}
    found["properties"]["budgets_ms"] = either
    return found


def _load(path: Path) -> Found:
    sweep = load_sweep(path)
    holds = f"{len(sweep.cells())} cells of {sweep.trials} trials, {len(sweep.devices)} devices"
    return Found("sweep", sweep.name, holds)


SWEEP = Kind(
    "sweep",
    "Sweep",
    "docs/cluster/sweep.yaml",
    required(Sweep),
    {field.name for field in fields(Sweep)} - required(Sweep),
    _content,
    _load,
)
