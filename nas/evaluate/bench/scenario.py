"""Scenarios: benchmarks under a latency budget, on which strategies are compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path

import numpy as np

from nas import library
from nas.evaluate.bench.benchmark import Benchmark, load_benchmark
from nas.files.resources import BENCH_DEVICE
from nas.latency.device import Device
from nas.optimize.limits import Limits
from nas.optimize.pricing import MS, Pricing
from nas.optimize.strategies.problem import Problem, problem_of

SAMPLE = 10_000
"""Random networks that a budget's share is measured on."""
DIGITS = 4
"""Digits of a budget, rounded so that it lies between networks and not on one."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A benchmark, device and budget, as plain values that any process can load."""

    benchmark: str
    share: float | None = 0.5
    """Share of random networks within the budget; None means no budget."""
    device: str = BENCH_DEVICE
    data: Path | None = None
    """Folder with the tables that are not shipped."""


@dataclass(frozen=True, eq=False)
class LoadedScenario:
    """A scenario with its benchmark and search problem."""

    benchmark: Benchmark
    problem: Problem
    budget_ms: float
    """Predicted milliseconds; infinite without a budget."""


@cache
def load_scenario(scenario: Scenario) -> LoadedScenario:
    """Load a scenario, once per process.

    Raises:
        UnknownNameError: the benchmark or device does not exist; with the nearest names.
        DocumentError: a table is missing or malformed.
    """
    benchmark = load_benchmark(scenario.benchmark, scenario.data)
    return scenario_of(benchmark, library.load_device(scenario.device), scenario.share)


def scenario_of(benchmark: Benchmark, device: Device, share: float | None) -> LoadedScenario:
    """Return a benchmark on a device, with a budget that this share of random networks meets.

    The shipped surrogate is no feature, since it was fitted to some of the same networks.
    """
    pricing = Pricing(benchmark.space, device, library.load_surrogate("imagenet"))  # never used
    budget_ms = inf
    if share is not None:
        ms = pricing.price(pricing.layered.sample(SAMPLE, np.random.default_rng(0)))[:, MS]
        budget_ms = float(f"{np.quantile(ms, share):.{DIGITS}g}")
    limits = Limits((budget_ms,), (1.0,))
    return LoadedScenario(benchmark, problem_of(pricing, limits, estimate=False), budget_ms)
