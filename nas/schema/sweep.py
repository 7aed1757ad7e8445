"""Sweeps. As in the loader, `budgets_ms` may be a single list for all devices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nas.files.records import Schema, properties_of
from nas.schema.kind import Found, kind_of_record
from nas.study.sweep.plan import Sweep, load_sweep


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


SWEEP = replace(
    kind_of_record("sweep", "Sweep", "docs/cluster/sweep.yaml", Sweep, _load), content=_content
)
