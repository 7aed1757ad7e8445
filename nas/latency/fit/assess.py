"""Quality of predictions: errors, ranking, and conformal intervals for networks and families.

Networks with an op that may leave the accelerator have an interval of their own, as in Mondrian
conformal prediction (arXiv:1209.2673): some of them take several times as long, and one interval
for all would be too wide for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    reference_ms: float
    """Measured latency, divided by the factor of its harness."""
    leaves: bool = False
    """Whether an op of it may leave the accelerator."""


def held_out_networks(
    samples: Sequence[LatencySample],
    predicted: Floats,
    trivial: Floats,
    factors: Mapping[str, float],
) -> list[HeldOut]:
    """Each network once, at the median of its samples, those of a reference harness if any.

    `factors` are those of the harnesses; a reference harness has exactly 1.
    """
    by_network = sorted(range(len(samples)), key=lambda i: samples[i].network)
    found = []
    for network, group in groupby(by_network, key=lambda i: samples[i].network):
        every = list(group)
        own = [i for i in every if factors.get(samples[i].harness) == 1] or every
        ms = [samples[i].ms for i in own]
        on_reference = [samples[i].ms / factors.get(samples[i].harness, 1.0) for i in own]
        first = own[0]
        found.append(
            HeldOut(
                network,
                samples[first].family,
                float(np.median(ms)),
                float(predicted[first]),
                float(trivial[first]),
                float(np.median(on_reference)),
                samples[first].leaves,
            )
        )
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


def intervals(networks: Sequence[HeldOut]) -> dict[str, dict[str, Any]]:
    """`interval` of a prediction, and `interval_leaving` if a network has an op that may leave.

    They hold for the reference harness. Coverage is also of families left out.
    """
    groups = _Groups.of(networks)
    left_out = _inside(groups, left_out_spans(networks))
    spans = groups.spans()
    found = {}
    for key, leaves in (("interval", False), ("interval_leaving", True)):
        own = groups.leaves == leaves
        if own.any():
            low, high = spans[leaves]
            held = (low <= groups.ratios) & (groups.ratios <= high)
            found[key] = {
                "level": LEVEL,
                "low_ratio": round(low, 4),
                "high_ratio": round(high, 4),
                "coverage_pct": _percent(held[own]),
                "coverage_across_families_pct": _percent(left_out[own]),
            }
    return found


def left_out_spans(networks: Sequence[HeldOut]) -> Floats:
    """Interval of each network, of bounds that never saw its family. Shapes: (n, 2).

    If all networks are of one family, the bounds never saw the network.
    """
    groups = _Groups.of(networks)
    several = len(set(groups.families)) > 1
    of = groups.families if several else np.arange(len(networks))
    found = np.empty((len(networks), 2))
    for group in sorted(set(of)):
        spans = groups.only(of != group).spans()
        for index in np.flatnonzero(of == group):
            found[index] = spans[bool(groups.leaves[index])]
    return found


def interval_scores(networks: Sequence[HeldOut], spans: Floats) -> dict[str, float]:
    """Coverage, width and Winkler's score of intervals, in percent of the estimate.

    The score (Winkler 1972; Gneiting and Raftery 2007, section 6.2) is the mean width, plus
    2 / (1 - level) times the distance by which a network lies outside; lower is better.
    """
    groups = _Groups.of(networks)
    low, high = spans.T
    outside = np.maximum(low - groups.ratios, 0) + np.maximum(groups.ratios - high, 0)
    width = high - low
    return {
        "left_out_in_interval_pct": _percent(_inside(groups, spans)),
        "interval_width_pct": _percent(width),
        "interval_score_pct": _percent(width + 2 / (1 - LEVEL) * outside),
    }


@dataclass(frozen=True, slots=True)
class _Groups:
    """Networks as arrays. Shapes: all (n,)."""

    ratios: Floats
    """Measured on the reference harness over predicted."""
    families: NDArray[Any]
    leaves: NDArray[np.bool_]

    @classmethod
    def of(cls, networks: Sequence[HeldOut]) -> _Groups:
        """Of networks; if all of them may leave the accelerator, they need no second interval."""
        leaves = np.array([network.leaves for network in networks], bool)
        return cls(
            np.array([network.reference_ms / network.predicted_ms for network in networks]),
            np.array([network.family for network in networks]),
            leaves & ~leaves.all(),
        )

    def only(self, kept: NDArray[np.bool_]) -> _Groups:
        """The networks to keep."""
        return _Groups(self.ratios[kept], self.families[kept], self.leaves[kept])

    def spans(self) -> dict[bool, tuple[float, float]]:
        """Bounds of networks by whether they may leave the accelerator.

        Leaving costs time, so only the upper bound differs, and it is never the lower of the two.
        """
        stays = ~self.leaves if not self.leaves.all() else self.leaves
        low, high = bounds(self.ratios[stays], self.families[stays], LEVEL)
        above = high
        if self.leaves.any():
            above = bounds(self.ratios[self.leaves], self.families[self.leaves], LEVEL)[1]
        return {False: (low, high), True: (low, max(high, above))}


def _inside(groups: _Groups, spans: Floats) -> NDArray[np.bool_]:
    return (spans[:, 0] <= groups.ratios) & (groups.ratios <= spans[:, 1])


def _percent(shares: NDArray[Any]) -> float:
    return round(100 * float(np.mean(shares)), 1)
