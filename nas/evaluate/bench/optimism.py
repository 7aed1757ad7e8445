"""Optimism of a search's winner: its estimate minus the truth, with and without correction.

The shipped surrogate's code is fitted to a few networks of a benchmark, and a search keeps the
network of the highest bound within a latency budget, as `nas search` does. The benchmark knows the
truth of what it keeps. Networks of the fit, budget and search differ from seed to seed. What is
fitted and what is true is one training's accuracy: that of the benchmark's model, plus a normal
deviation of training once more.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas import library
from nas.accuracy.refit import left_out_errors, refitted
from nas.accuracy.selection import Z90, CorrectedEstimate, Selection
from nas.accuracy.surrogate import AccuracyEstimate
from nas.evaluate.bench.benchmark import Benchmark, load_benchmark
from nas.files.resources import BENCH_DEVICE, SURROGATE
from nas.optimize.evolution import Evaluated, Evaluator, EvolutionSettings, evolve
from nas.optimize.limits import Limits
from nas.optimize.pricing import MS, Pricing
from nas.space.columns import Floats, Ints
from nas.system.progress import OnProgress, ignore

ON_IMAGENET = {"accel-nasbench": 0.28, "ofa-mobilenetv3": 0.03}
"""Benchmarks whose accuracies the surrogate estimates, with the standard deviation of training once
more in points: of 12 and 89 networks that the benchmarks' data list more than once."""
FITTED = 200
"""Networks that the surrogate is fitted to."""
POOL = 2000
"""Random networks that set the budget, and of which those within it show what it allows."""
SHARES = 0.2, 1.0
"""Least and largest share of random networks within the budget."""
SMALL = EvolutionSettings(generations=15, children=200, kept=20)


@dataclass(frozen=True, slots=True)
class Winner:
    """What one search kept."""

    corrected: CorrectedEstimate
    truth: float
    """Its accuracy by the benchmark, in points."""
    best: float
    """The highest accuracy among the random networks within the budget, in points."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Estimates of several winners against the truth."""

    points: float
    """Mean of estimate minus truth, in points: the optimism."""
    sds: float
    """The same in standard deviations of each estimate."""
    over: float
    """Share of winners that are estimated too high."""
    covered: float
    """Share of truths in the 90 % interval."""
    width: float
    """Mean width of the interval, in points."""


@dataclass(frozen=True, slots=True)
class Optimism:
    """Winners of searches on one benchmark."""

    benchmark: str
    searches: int
    estimated: Errors
    """Of the estimates that the searches maximised."""
    corrected: Errors
    regret: float
    """Mean of the best random network's accuracy minus the winner's. A correction does not change
    which network wins."""

    def row(self) -> dict[str, Any]:
        """A flat row for CSV and JSON."""
        figures = {"benchmark": self.benchmark, "searches": self.searches}
        for name, errors in (("estimated", self.estimated), ("corrected", self.corrected)):
            figures |= {f"{name}_{key}": round(own, 4) for key, own in asdict(errors).items()}
        return figures | {"regret": round(self.regret, 4)}


def optimism(
    benchmark: str,
    searches: int,
    *,
    device: str = BENCH_DEVICE,
    seed: int = 0,
    on_progress: OnProgress = ignore,
) -> Optimism:
    """Search this often on a benchmark of `ON_IMAGENET`, and compare estimates with truths."""
    winners = []
    for number in range(searches):
        on_progress(f"winners on {benchmark}", number / searches)
        winners.append(winner(benchmark, device, seed + number))
    truths = np.array([own.truth for own in winners])
    found = [own.corrected for own in winners]
    plain = np.array([[*own.uncorrected, own.uncorrected.sd * Z90] for own in found])
    corrected = np.array([[own.top1, own.sd, own.low, own.high] for own in found])
    return Optimism(
        benchmark,
        searches,
        errors_of(plain[:, 0], plain[:, 1], plain[:, [0]] + plain[:, [2]] * [-1, 1], truths),
        errors_of(corrected[:, 0], corrected[:, 1], corrected[:, 2:], truths),
        float(np.mean([own.best for own in winners] - truths)),
    )


def winner(benchmark: str, device: str, seed: int) -> Winner:
    """The network of the highest bound that one search finds within its budget."""
    rng = np.random.default_rng(seed)
    pricing, known = _priced(benchmark, device)
    run_sd = ON_IMAGENET[benchmark]
    codes = pricing.layered.sample(FITTED, rng)
    fitted = fitted_to(pricing, codes, known.evaluate(codes) + rng.normal(0, run_sd, FITTED))
    pool = pricing.layered.sample(POOL, rng)
    budget_ms, meets = random_budget(pricing, pool, rng)
    within = pool[meets]
    kept, candidates = search_within(fitted, within, budget_ms, rng)
    error = float(np.sqrt(np.mean(left_out_errors(fitted.surrogate) ** 2)))
    selection = Selection.of(fitted.surrogate, fitted.estimate(within)[0], candidates, error)
    estimate = AccuracyEstimate(float(kept.top1[0]), float(kept.sd[0]))
    truth = float(known.evaluate(kept.codes)[0] + rng.normal(0, run_sd))
    return Winner(selection.corrected(estimate), truth, float(known.evaluate(within).max()))


def random_budget(
    pricing: Pricing, pool: Ints, rng: np.random.Generator
) -> tuple[float, NDArray[np.bool_]]:
    """A budget in ms that a random share of the pool meets, and which networks do."""
    ms = pricing.price(pool)[:, MS]
    budget_ms = float(np.quantile(ms, rng.uniform(*SHARES)))
    return budget_ms, ms <= budget_ms


def search_within(
    pricing: Pricing, start: Ints, budget_ms: float, rng: np.random.Generator
) -> tuple[Evaluated, int]:
    """The network of the highest bound, and how many within the budget it was compared with."""
    evaluator = Evaluator(pricing, Limits((budget_ms,), (1.0,)), 1.0)
    found = evolve(evaluator, start[: SMALL.children], rng, SMALL)
    return found.take(np.array([0])), evaluator.evaluated


def fitted_to(pricing: Pricing, codes: Ints, top1: Floats) -> Pricing:
    """Prices with a surrogate that is fitted to these networks and nothing else."""
    x, resolution = pricing.features(codes), pricing.resolution(codes)
    return pricing.estimated_by(refitted(pricing.surrogate, x, resolution, top1))


@cache
def _priced(benchmark: str, device: str) -> tuple[Pricing, Benchmark]:
    known = load_benchmark(benchmark)
    surrogate = library.load_surrogate(SURROGATE)
    return Pricing(known.space, library.load_device(device), surrogate), known


def errors_of(top1: Floats, sd: Floats, ends: Floats, truths: Floats) -> Errors:
    """Figures of n winners, from estimates, deviations, ends (n, 2) of intervals, and truths."""
    off = top1 - truths
    covered = (ends[:, 0] <= truths) & (truths <= ends[:, 1])
    figures = off, off / sd, off > 0, covered, ends[:, 1] - ends[:, 0]
    return Errors(*(float(np.mean(own)) for own in figures))
