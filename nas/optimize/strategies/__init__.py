"""Strategies choose the network to evaluate next, for evaluations that cost minutes.

A strategy is made for a problem and proposes from past evaluations.
`nas.optimize.strategies.sampler` turns any strategy into an Optuna sampler. A new strategy is one
file, one entry, one test case and one line in docs/strategies.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.optimize.strategies.base import Strategy
    from nas.optimize.strategies.problem import Problem

Make = Callable[["Problem"], "Strategy"]

DEFAULT = "model"
"""The best strategy according to `results/benchmarks/strategies.csv`."""


def _of(module: str, name: str, **settings: Any) -> Make:
    """Import the strategy with the first problem, so that names are listed without numpy."""

    def make(problem: Problem) -> Strategy:
        strategy = getattr(import_module(f"nas.optimize.strategies.{module}"), name)
        return strategy(problem, **settings)  # type: ignore[no-any-return]

    return make


STRATEGIES: Mapping[str, Make] = {
    "model": _of("model", "Model"),
    "exact": _of("exact", "Exact"),
    "evolution": _of("evolution", "Evolution"),
    "local": _of("local", "Local"),
    "random": _of("random", "Random"),
    "reinforce": _of("reinforce", "Reinforce"),
    "reinforce-absolute": _of("reinforce", "Reinforce", absolute=True),
    "tpe": _of("optuna", "OptunaSampler", kind="TPESampler", most=2000),
    "gp": _of("optuna", "OptunaSampler", kind="GPSampler", most=200),
    "nsga2": _of("optuna", "OptunaSampler", kind="NSGAIISampler", most=2000),
    "nsga3": _of("optuna", "OptunaSampler", kind="NSGAIIISampler", most=2000),
}
ON_OPTUNA = ("tpe", "gp", "nsga2", "nsga3")
"""Optuna's own samplers, which need it."""
