"""A scenario: a benchmark under a latency budget, as strategies are asked to solve it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path

import numpy as np

from nas import library
from nas.evaluate.bench.benchmark import Benchmark, load_benchmark
from nas.latency.device import Device
from nas.optimize.limits import Limits
from nas.optimize.pricing import MS, Pricing
from nas.optimize.strategies.problem import Problem, problem_of

SAMPLE = 10_000
"""Random networks whose milliseconds say what a budget lets through."""
DIGITS = 4
"""Of a budget: a rounded one lies between networks, not on one."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is asked, in plain values that every process can start from."""

    benchmark: str
    share: float | None = 0.5
    """Of random networks, those within the budget; None: there is no budget."""
    device: str = "pixel1-cpu"
    data: Path | None = None
    """Folder with the tables that are not shipped."""


@dataclass(frozen=True, eq=False)
class LoadedScenario:
    """A scenario, loaded."""

    benchmark: Benchmark
    problem: Problem
    budget_ms: float
    """Predicted; infinite where there is none."""


@cache
def load_scenario(scenario: Scenario) -> LoadedScenario:
    """The scenario loaded, once a process.

    Raises:
        UnknownNameError: no such benchmark or device, with the nearest names.
        DocumentError: a table is missing or wrong.
    """
    benchmark = load_benchmark(scenario.benchmark, scenario.data)
    return scenario_of(benchmark, library.load_device(scenario.device), scenario.share)


def scenario_of(benchmark: Benchmark, device: Device, share: float | None) -> LoadedScenario:
    """A benchmark on a device, with a budget that this share of random networks keeps.

    The shipped surrogate is no feature: it was fitted to some of the same networks.
    """
    pricing = Pricing(benchmark.space, device, library.load_surrogate("imagenet"))  # is never asked
    budget_ms = inf
    if share is not None:
        ms = pricing.price(pricing.layered.sample(SAMPLE, np.random.default_rng(0)))[:, MS]
        budget_ms = float(f"{np.quantile(ms, share):.{DIGITS}g}")
    limits = Limits((budget_ms,), (1.0,))
    return LoadedScenario(benchmark, problem_of(pricing, limits, estimate=False), budget_ms)
