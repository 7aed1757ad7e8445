"""Optimism of a search's winner on networks of known accuracy, and what corrects it.

    python benchmarks/winner_optimism.py --data DIR

DIR holds accel_nasbench.csv and ofa_mobilenetv3_evals.csv. The shipped surrogate's code is fitted
to 200 of the measured networks: at random, or from 6 of 12 clusters. The network of the highest
bound within a random budget is picked from the measured networks left out, whose accuracy is known,
or searched for in the whole space, where the fitted benchmark is the truth. Writes one row for each
way to correct the estimate to results/benchmarks/winner_optimism.csv; takes ten minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from files import write_rows
from scipy.cluster.vq import kmeans2
from truth_data import SOURCES, Networks, read_networks

from nas.accuracy.inputs import inputs, law_basis
from nas.accuracy.refit import left_out_errors
from nas.accuracy.selection import Z90, Selection
from nas.accuracy.surrogate import AccuracyEstimate
from nas.evaluate.bench.benchmark import load_benchmark
from nas.evaluate.bench.optimism import (
    FITTED,
    POOL,
    errors_of,
    fitted_to,
    random_budget,
    search_within,
)
from nas.files.resources import BENCH_DEVICE
from nas.library import AS_LARGE, load_device, load_surrogate
from nas.optimize.pricing import MACS, PARAMS, Pricing
from nas.space.columns import Floats, Ints

OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "winner_optimism.csv"
SEARCHES = 200
CLUSTERS = 12


@dataclass(frozen=True, slots=True)
class Picked:
    """The winner of one search, with all that a correction may use."""

    estimate: AccuracyEstimate
    truth: float
    selection: Selection
    scores: Floats
    """(FITTED,) of the networks of the fit."""
    errors: Floats
    """(FITTED,) scores minus predictions from the others, or from the other clusters."""
    best_of_size: float
    """Top-1 of the best network of the fit of at most `AS_LARGE` times the size, in points."""


def main() -> None:
    """Read, search, correct, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--searches", type=int, default=SEARCHES)
    arguments = parser.parse_args()
    rows = []
    for source in SOURCES:
        networks = read_networks(source, arguments.data)
        device, surrogate = load_device(BENCH_DEVICE), load_surrogate("imagenet")
        pricing = Pricing(networks.space, device, surrogate)
        for truth in ("measured", "fitted benchmark"):
            for part in ("random", "clusters"):
                case = {"benchmark": source.name, "truth": truth, "fitted_on": part}
                winners = [*_winners(case, networks, pricing, arguments.searches)]
                rows += [case | row for row in figures(winners)]
                print(*rows[-len(CORRECTIONS) :], sep="\n", flush=True)
    write_rows(OUT, rows)


def _winners(
    case: Mapping[str, str], networks: Networks, pricing: Pricing, searches: int
) -> Iterator[Picked]:
    x, resolution = pricing.features(networks.codes), pricing.resolution(networks.codes)
    z, _ = pricing.surrogate.scaling(inputs(x, resolution), law_basis(x, resolution))
    clusters = kmeans2(z, CLUSTERS, seed=1, minit="++")[1]
    for seed in range(searches):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(networks.codes))
        if case["fitted_on"] == "clusters":
            known = rng.choice(CLUSTERS, CLUSTERS // 2, replace=False)
            order = order[np.argsort(~np.isin(clusters[order], known), kind="stable")]
        learnt, left = order[:FITTED], order[FITTED:]
        groups = clusters[learnt] if case["fitted_on"] == "clusters" else np.arange(FITTED)
        trained = networks.codes[learnt], networks.top1[learnt]
        unseen = (networks.codes[left], networks.top1[left])
        yield _picked(case, pricing, trained, unseen, groups, rng)


def _picked(
    case: Mapping[str, str],
    pricing: Pricing,
    trained: tuple[Ints, Floats],
    unseen: tuple[Ints, Floats],
    groups: Ints,
    rng: np.random.Generator,
) -> Picked:
    """One search within a budget that a random share of networks meets."""
    fitted = fitted_to(pricing, *trained)
    if case["truth"] == "measured":
        pool, top1 = unseen
    else:
        pool = pricing.layered.sample(POOL, rng)
        evaluate = load_benchmark(case["benchmark"]).evaluate
    budget_ms, meets = random_budget(pricing, pool, rng)
    pool = pool[meets]
    means, sds = fitted.estimate(pool)
    if case["truth"] == "measured":
        best = int(np.argmax(means - sds))
        code, estimate = pool[best], AccuracyEstimate(float(means[best]), float(sds[best]))
        truth, candidates = float(top1[meets][best]), len(pool)
    else:
        kept, candidates = search_within(fitted, pool, budget_ms, rng)
        code, estimate = kept.codes[0], AccuracyEstimate(float(kept.top1[0]), float(kept.sd[0]))
        truth = float(evaluate(kept.codes)[0])
    sizes, own = (pricing.price(c)[:, [PARAMS, MACS]] for c in (trained[0], code[None]))
    as_large = (sizes <= AS_LARGE * own).all(axis=1)
    return Picked(
        estimate,
        truth,
        Selection.of(fitted.surrogate, means, candidates),
        -np.log(fitted.surrogate.ceiling - trained[1]),
        left_out_errors(fitted.surrogate, groups.tolist()),
        float(trained[1][as_large].max(initial=-np.inf)),
    )


def figures(winners: list[Picked]) -> Iterator[dict[str, object]]:
    """Optimism and coverage of each correction."""
    truths = np.array([own.truth for own in winners])
    for name, correct in CORRECTIONS.items():
        found = np.array([correct(own) for own in winners])
        ends = found[:, 1:]
        errors = errors_of(found[:, 0], (ends[:, 1] - ends[:, 0]) / (2 * Z90), ends, truths)
        yield {
            "correction": name,
            "searches": len(winners),
            "optimism_points": round(errors.points, 3),
            "optimism_sd": round(errors.sds, 3),
            "standard_error": round(float((found[:, 0] - truths).std() / len(found) ** 0.5), 3),
            "too_high_pct": round(100 * errors.over, 1),
            "in_interval_pct": round(100 * errors.covered, 1),
            "width_points": round(errors.width, 2),
        }


def _none(own: Picked) -> tuple[float, float, float]:
    top1, sd = own.estimate
    return top1, top1 - Z90 * sd, top1 + Z90 * sd


def _recalibrated(own: Picked) -> tuple[float, float, float]:
    """Slope, offset and deviation of a regression on out-of-fold predictions."""
    predicted = own.scores - own.errors
    slope, constant = np.polyfit(predicted, own.scores, 1)
    sd = float(np.std(own.scores - slope * predicted - constant))
    ceiling = own.selection.ceiling
    score = slope * -np.log(ceiling - own.estimate.top1) + constant
    ends = (score, score - Z90 * sd, score + Z90 * sd)
    top1, low, high = (float(ceiling - np.exp(-end)) for end in ends)
    return top1, low, high


def _selected(own: Picked) -> tuple[float, float, float]:
    """The method of `nas.accuracy.selection`."""
    error = float(np.sqrt(np.mean(own.errors**2)))
    found = replace(own.selection, held_out_error=error).corrected(own.estimate)
    return found.top1, found.low, found.high


def _capped(own: Picked) -> tuple[float, float, float]:
    """No better than the best network of the fit of that size."""
    top1 = min(own.estimate.top1, own.best_of_size)
    return top1, top1 - Z90 * own.estimate.sd, top1 + Z90 * own.estimate.sd


CORRECTIONS = {
    "none": _none,
    "recalibrated": _recalibrated,
    "selection": _selected,
    "best of size": _capped,
}


if __name__ == "__main__":
    main()
