"""Quality of predictions: errors, ranking, and conformal intervals for networks and families."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.latency.fit.calibrate import LatencySample
from nas.space.columns import Floats

LEVEL = 0.9
"""Level of the intervals."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A network with its measured latency, predicted by models that were fitted without it."""

    network: str
    family: str
    ms: float
    predicted_ms: float
    trivial_ms: float
    """Prediction of the model of parameters and MACs alone."""


def held_out_networks(
    samples: Sequence[LatencySample], predicted: Floats, trivial: Floats, reference: Collection[str]
) -> list[HeldOut]:
    """Each network once, at the median of its samples, those of a reference harness if any."""
    by_network = sorted(range(len(samples)), key=lambda i: samples[i].network)
    found = []
    for network, group in groupby(by_network, key=lambda i: samples[i].network):
        every = list(group)
        own = [i for i in every if samples[i].harness in reference] or every
        ms = float(np.median([samples[i].ms for i in own]))
        family = samples[own[0]].family
        found.append(HeldOut(network, family, ms, float(predicted[own[0]]), float(trivial[own[0]])))
    return found


def errors(predicted: Floats, measured: Floats) -> dict[str, float]:
    """Errors of one model; `spearman` only if there is something to rank."""
    from scipy.stats import rankdata

    error = 100 * np.abs(predicted / measured - 1)
    found = {
        "median_error_pct": round(float(np.median(error)), 2),
        "mean_error_pct": round(float(error.mean()), 2),
        "p90_error_pct": round(float(np.quantile(error, 0.9)), 2),
    }
    for pct in (5, 10, 20):
        found[f"within_{pct}_pct"] = round(100 * float(np.mean(error <= pct)), 1)
    ranks = rankdata(predicted), rankdata(measured)
    if all(np.ptp(rank) > 0 for rank in ranks):
        found["spearman"] = round(float(np.corrcoef(*ranks)[0, 1]), 4)
    return found


def score(networks: Sequence[HeldOut]) -> dict[str, Any]:
    """Errors of the device and, named `trivial_`, of the trivial model on the same networks."""
    measured = np.array([network.ms for network in networks])
    device = errors(np.array([network.predicted_ms for network in networks]), measured)
    trivial = errors(np.array([network.trivial_ms for network in networks]), measured)
    theirs = {f"trivial_{key}": value for key, value in trivial.items()}
    return {"networks": len(networks)} | device | theirs


def conformal(ratios: Floats, level: float) -> tuple[float, float]:
    """Quantiles of ratios measured/predicted that contain `level` of held-out samples.

    If the samples are too few for such quantiles, Student's interval of their logarithms is used,
    provided it is wider.
    """
    from scipy.stats import t

    n = len(ratios)
    if n < 2:
        return 0.5, 2.0  # the spread of one ratio is unknown
    tail = (1 - level) / 2
    # the finite-sample rank (n + 1) of split conformal prediction
    low = np.quantile(ratios, max(0.0, (tail * (n + 1) - 1) / (n - 1)))
    high = np.quantile(ratios, min(1.0, ((1 - tail) * (n + 1) - 1) / (n - 1)))
    if tail * (n + 1) < 1:
        logs = np.log(ratios)
        reach = t.ppf(1 - tail, n - 1) * logs.std(ddof=1) * np.sqrt(1 + 1 / n)
        low = min(low, np.exp(logs.mean() - reach))
        high = max(high, np.exp(logs.mean() + reach))
    return min(1.0, float(low)), max(1.0, float(high))


def bounds(ratios: Floats, families: NDArray[Any], level: float) -> tuple[float, float]:
    """Ratios that contain `level` of networks of a family that was not in the fit.

    Networks of a family have similar errors, so an interval from networks left out one by one is
    too narrow. It is widened until it contains `level` of the networks of each family left out:
    conformalised quantiles (arXiv:1905.03222) of logarithms, with families as the folds of CV+
    (arXiv:1905.02928).
    """
    low, high = conformal(ratios, level)
    if len(set(families)) < 2:
        return low, high
    lacking = np.zeros(len(ratios))
    for family in set(families):
        out = families == family
        a, b = conformal(ratios[~out], level)
        lacking[out] = np.log(np.maximum(a / ratios[out], ratios[out] / b))
    rank = min(1.0, level * (1 + 1 / len(ratios)))
    wider = max(1.0, float(np.exp(np.quantile(lacking, rank, method="higher"))))
    return low / wider, high * wider


def interval(networks: Sequence[HeldOut]) -> dict[str, Any]:
    """Interval of a prediction, and its coverage, also on families left out."""
    ratios = np.array([network.ms / network.predicted_ms for network in networks])
    families = np.array([network.family for network in networks])
    low, high = bounds(ratios, families, LEVEL)
    groups = families if len(set(families)) > 1 else np.arange(len(networks))
    inside = []
    for group in sorted(set(groups)):
        kept = groups != group
        a, b = bounds(ratios[kept], families[kept], LEVEL)
        inside += [a <= ratio <= b for ratio in ratios[~kept]]
    held = (low <= ratios) & (ratios <= high)
    return {
        "level": LEVEL,
        "low_ratio": round(low, 4),
        "high_ratio": round(high, 4),
        "coverage_pct": round(100 * float(held.mean()), 1),
        "coverage_across_families_pct": round(100 * float(np.mean(inside)), 1),
    }
