"""What a study looks for, in values that every process of it can start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from nas.arch import Arch
from nas.choices import Choices
from nas.columns import Floats, Ints
from nas.errors import UnknownNameError
from nas.pricing import MACS, MS, PARAMS, Pricing
from nas.search.limits import Limits
from nas.search.run import AnyDevice, AnySpace, AnySurrogate, assess, pricing_of
from nas.space import Code
from nas.strategies import STRATEGIES, check
from nas.strategies.base import Strategy
from nas.strategies.problem import Problem
from nas.strategies.seen import Bools

OBJECTIVES: Mapping[str, int] = {"ms": MS, "params": PARAMS, "macs": MACS}
"""What may be minimised beside the accuracy that is maximised -> column of the price."""


@dataclass(frozen=True)
class Question:
    """A space under limits, a strategy, and the networks to begin with."""

    space: AnySpace
    devices: tuple[AnyDevice, ...]
    surrogate: AnySurrogate
    limits: Limits
    queue: tuple[Code, ...] = ()
    """Codes that are tried first, in this order."""
    strategy: str = "model"
    objectives: tuple[str, ...] = ()
    """Names of `OBJECTIVES`."""

    @cached_property
    def pricing(self) -> Pricing:
        asked = self.space, self.devices, self.surrogate
        named = all(isinstance(part, str | Path) for part in (asked[0], *asked[1], asked[2]))
        return _pricing(*asked) if named else pricing_of(*asked)

    @cached_property
    def choices(self) -> Choices:
        return Choices.of(self.pricing.space.table)

    @property
    def directions(self) -> tuple[str, ...]:
        """Of the objectives, as Optuna calls them."""
        return "maximize", *["minimize"] * len(self.objectives)

    def costs(self, arch: Arch) -> Sequence[float]:
        """Of a network, the objectives beside its accuracy."""
        columns = [OBJECTIVES[name] for name in self.objectives]
        if not columns:
            return []
        price = self.pricing.price(np.array([self.pricing.space.encode(arch)]))[0]
        return [float(price[column]) for column in columns]

    def facts(self, arch: Arch) -> dict[str, float | str]:
        """What is known of a network before it is trained, to be noted beside its trial."""
        found = assess(arch, self.pricing.device, self.pricing.surrogate)
        return {"predicted_ms": found.ms, "estimated_top1": found.top1}

    def problem(self) -> Problem:
        """The arrays that a strategy works on."""
        return problem_of(self.pricing, self.limits, self.queue, self.objectives)

    def asked(self) -> Strategy:
        """The strategy, with nothing seen yet."""
        return STRATEGIES[self.strategy](self.problem())


_pricing = cache(pricing_of)
"""Names are loaded once a process: many questions are asked of the same space and device."""


def check_names(strategy: str, objectives: Sequence[str]) -> None:
    """That all of them are known.

    Raises:
        UnknownNameError: with the nearest names.
    """
    check([strategy])
    for name in objectives:
        if name not in OBJECTIVES:
            raise UnknownNameError("objective", name, OBJECTIVES)


def problem_of(
    pricing: Pricing,
    limits: Limits,
    known: tuple[Code, ...] = (),
    objectives: tuple[str, ...] = (),
    *,
    estimate: bool = True,
) -> Problem:
    """A priced space under limits as strategies see it; `estimate`: with the surrogate's top-1.

    Raises:
        InfeasibleError: no network keeps the limits.
    """
    columns = [OBJECTIVES[name] for name in objectives]
    least = limits.least(pricing)

    def within(codes: Ints) -> Bools:
        return limits.within(pricing, codes, pricing.price(codes))

    def costs(codes: Ints) -> Floats:
        return pricing.price(codes)[:, columns]

    start = np.concatenate([np.array(known, np.int64).reshape(-1, least.shape[1]), least])
    return Problem(
        pricing.lattice,
        Choices.of(pricing.space.table),
        within,
        start[within(start)],
        share=lambda codes: limits.share(pricing, pricing.price(codes)),
        features=lambda codes: _features(pricing, codes, estimate=estimate),
        edge_ms=pricing.edge_costs(),
        edge_budget_ms=pricing.edge_budget_ms(limits.held_ms[0]),
        costs=costs if columns else None,
    )


def _features(pricing: Pricing, codes: Ints, *, estimate: bool) -> Floats:
    """Logarithms of ms, parameters and MACs, and perhaps the surrogate's estimate."""
    sizes = np.log(pricing.price(codes)[:, [MS, PARAMS, MACS]])
    return np.column_stack([sizes, pricing.judge(codes)[0]]) if estimate else sizes
