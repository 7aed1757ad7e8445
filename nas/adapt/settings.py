"""What an adaptation depends on: a network, perhaps its weights, a device and the plan."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nas.adapt.plan import AdaptPlan
from nas.files.output import name_parts
from nas.files.resources import content_hash
from nas.files.settings import RunInputs
from nas.latency.device import Device
from nas.space.arch import Arch

DEFAULTS: dict[str, Any] = {"plan": asdict(AdaptPlan(budget_ms=1.0)), "conventions": None}
"""Values of keys that an earlier version did not record."""


@dataclass(frozen=True, slots=True)
class AdaptSettings:
    """The network to adapt, its device, and how."""

    arch: Arch
    device: Device
    plan: AdaptPlan
    method: str = "netadapt"
    """`netadapt` trains proposals on images, `knapsack` keeps the most important channels,
    `surrogate` maximises the estimated top-1."""
    weights: Path | None = None
    """A file with the network's weights; `surrogate` needs none."""
    seed: int = 0

    @property
    def name(self) -> str:
        """Of the result, unless another is chosen; it holds all that is not the default."""
        plan, usual = asdict(self.plan), asdict(AdaptPlan(self.plan.budget_ms))
        found = {"method": self.method, "seed": self.seed} | plan
        parts = name_parts(found, {"method": "netadapt", "seed": 0} | usual)
        return "-".join([self.arch.name, self.device.name, f"{self.plan.budget_ms:g}ms", *parts])

    @property
    def inputs(self) -> RunInputs:
        """Everything that identifies a run, but the training at its end."""
        contents = {"architecture": self.arch.arch_id, "device": self.device.content_hash}
        if self.weights is not None:
            contents["weights"] = content_hash(self.weights)
        conventions = self.arch.conventions
        chosen = {
            "how": self.method,
            "plan": asdict(self.plan),
            "seed": self.seed,
            "conventions": None if conventions is None else asdict(conventions),
        }
        return RunInputs(contents, chosen, DEFAULTS)
