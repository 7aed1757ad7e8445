"""The specification of a study, in values that each of its processes can start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nas.optimize.avoid import ALLOW_ALL
from nas.optimize.limits import Limits
from nas.optimize.pricing import Pricing
from nas.optimize.run import AnyDevice, AnySpace, AnySurrogate, assess, pricing_of
from nas.optimize.strategies import STRATEGIES
from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.problem import OBJECTIVES, problem_of
from nas.space.arch import Arch
from nas.space.choices import Choices
from nas.space.space import Code


@dataclass(frozen=True)
class StudySpec:
    """A space with limits, a strategy, and the networks to begin with."""

    space: AnySpace
    devices: tuple[AnyDevice, ...]
    surrogate: AnySurrogate
    limits: Limits
    queue: tuple[Code, ...] = ()
    """Codes to try first, in this order."""
    strategy: str = "model"
    objectives: tuple[str, ...] = ()
    """Objectives beside the accuracy: names of `OBJECTIVES`."""
    avoid: tuple[str, ...] | None = (ALLOW_ALL,)
    """As `nas.optimize.search` takes it."""

    def __getstate__(self) -> dict[str, Any]:
        """The fields: cached values are not sent to other processes."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    @cached_property
    def pricing(self) -> Pricing:
        asked = self.space, self.devices, self.surrogate, self.avoid
        named = all(isinstance(part, str | Path) for part in (asked[0], *asked[1], asked[2]))
        return _pricing(*asked) if named else pricing_of(*asked)

    @cached_property
    def choices(self) -> Choices:
        return Choices.of(self.pricing.space.table)

    @property
    def directions(self) -> tuple[str, ...]:
        """Optuna's directions of the objectives, accuracy first."""
        return "maximize", *["minimize"] * len(self.objectives)

    def costs(self, arch: Arch) -> Sequence[float]:
        """Values of a network's objectives beside its accuracy."""
        if not self.objectives:
            return []
        price = self.pricing.price(np.array([self.pricing.space.encode(arch)]))[0]
        return [float(price[OBJECTIVES[name]]) for name in self.objectives]

    def facts(self, arch: Arch) -> dict[str, float | str]:
        """Predictions for a network, to be noted beside its trial."""
        found = assess(arch, self.pricing.device, self.pricing.surrogate)
        return {"predicted_ms": found.ms, "estimated_top1": found.top1}

    def make_strategy(self) -> Strategy:
        """A new strategy."""
        problem = problem_of(self.pricing, self.limits, self.queue, self.objectives)
        return STRATEGIES[self.strategy](problem)


_pricing = cache(pricing_of)
"""Cached per process, since many studies use the same space and device."""
