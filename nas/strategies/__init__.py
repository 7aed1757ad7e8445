"""Strategies: which network to evaluate next, where each evaluation costs minutes.

Each is made for a problem and answers from what was seen; `nas.strategies.sampler` makes an Optuna
sampler of any. A new one is one file, one entry, one test case and one line in docs/strategies.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from nas.errors import UnknownNameError
from nas.strategies.base import Strategy
from nas.strategies.evolution import Evolution
from nas.strategies.exact import Exact
from nas.strategies.local import Local
from nas.strategies.model import Model
from nas.strategies.optuna import OptunaSampler, gp, nsga2, nsga3, tpe
from nas.strategies.problem import Problem
from nas.strategies.random import Random
from nas.strategies.reinforce import Reinforce
from nas.strategies.seen import Seen

DEFAULT = "model"
"""What `results/benchmarks/strategies.csv` says is the best."""

STRATEGIES: Mapping[str, Callable[[Problem], Strategy]] = {
    "model": Model,
    "exact": Exact,
    "evolution": Evolution,
    "local": Local,
    "random": Random,
    "reinforce": Reinforce,
    "reinforce-absolute": partial(Reinforce, absolute=True),
    "tpe": partial(OptunaSampler, make=tpe, most=2000),
    "gp": partial(OptunaSampler, make=gp, most=200),
    "nsga2": partial(OptunaSampler, make=nsga2, most=2000),
    "nsga3": partial(OptunaSampler, make=nsga3, most=2000),
}


def check(names: Iterable[str]) -> None:
    """Refuse a name that is no strategy.

    Raises:
        UnknownNameError: with the nearest names.
    """
    for name in names:
        if name not in STRATEGIES:
            raise UnknownNameError("strategy", name, STRATEGIES)


__all__ = ["DEFAULT", "STRATEGIES", "Problem", "Seen", "Strategy", "check"]
