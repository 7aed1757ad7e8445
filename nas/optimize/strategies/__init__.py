"""Strategies: which network to evaluate next, where each evaluation costs minutes.

Each is made for a problem and answers from what was seen; `nas.optimize.strategies.sampler` makes
an Optuna sampler of any. A new one is one file, one entry, one test case and one line in
docs/strategies.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from nas.errors import UnknownNameError

if TYPE_CHECKING:
    from nas.optimize.strategies.base import Strategy
    from nas.optimize.strategies.problem import Problem

Make = Callable[["Problem"], "Strategy"]

DEFAULT = "model"
"""What `results/benchmarks/strategies.csv` says is the best."""


def _of(module: str, name: str, **settings: Any) -> Make:
    """Imported when the first problem is there: the names can be had without numpy."""

    def make(problem: Problem) -> Strategy:
        strategy = getattr(import_module(f"nas.optimize.strategies.{module}"), name)
        return strategy(problem, **settings)  # type: ignore[no-any-return]

    return make


def _of_optuna(sampler: str, most: int) -> Make:
    def make(problem: Problem) -> Strategy:
        from nas.optimize.strategies import optuna

        return optuna.OptunaSampler(problem, make=getattr(optuna, sampler), most=most)

    return make


STRATEGIES: Mapping[str, Make] = {
    "model": _of("model", "Model"),
    "exact": _of("exact", "Exact"),
    "evolution": _of("evolution", "Evolution"),
    "local": _of("local", "Local"),
    "random": _of("random", "Random"),
    "reinforce": _of("reinforce", "Reinforce"),
    "reinforce-absolute": _of("reinforce", "Reinforce", absolute=True),
    "tpe": _of_optuna("tpe", most=2000),
    "gp": _of_optuna("gp", most=200),
    "nsga2": _of_optuna("nsga2", most=2000),
    "nsga3": _of_optuna("nsga3", most=2000),
}
ON_OPTUNA = ("tpe", "gp", "nsga2", "nsga3")
"""Optuna's own samplers, which need it."""


def check(names: Iterable[str]) -> None:
    """Refuse a name that is no strategy.

    Raises:
        UnknownNameError: with the nearest names.
    """
    for name in names:
        if name not in STRATEGIES:
            raise UnknownNameError("strategy", name, STRATEGIES)
