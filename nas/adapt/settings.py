"""What an adaptation depends on: a network, perhaps its weights, a device and the plan."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from nas.adapt.plan import AdaptPlan
from nas.files.resources import content_hash
from nas.files.settings import RunInputs
from nas.graph.conventions import as_document
from nas.latency.device import Device
from nas.space.arch import Arch


def inputs(
    arch: Arch, device: Device, plan: AdaptPlan, weights: Path | None, *, knapsack: bool, seed: int
) -> RunInputs:
    """Of everything but the training afterwards."""
    contents = {"architecture": arch.arch_id, "device": device.content_hash}
    if weights is not None:
        contents["weights"] = content_hash(weights)
    how = "knapsack" if knapsack else "netadapt" if weights is not None else "surrogate"
    known = None if arch.conventions is None else as_document(arch.conventions)
    chosen = {"how": how, "plan": asdict(plan), "seed": seed, "conventions": known}
    return RunInputs(contents, chosen, PLAN)


PLAN: dict[str, Any] = {"plan": asdict(AdaptPlan(budget_ms=1.0)), "conventions": None}
"""Defaults, for keys that an earlier version did not know."""
