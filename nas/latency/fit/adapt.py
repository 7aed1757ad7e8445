"""A known device adapted to a related one from 5 to 20 networks measured there.

The known device's milliseconds, split into parts, each times a factor; the factors are shrunk to
their common mean. Splits from one factor for all to one per kernel class are blended, each weighted
by how well it does on networks left out, so that few figures leave few freedoms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas.latency.device import Device
from nas.latency.files import TERMS
from nas.latency.fit.blend import Fold, fold_weights, weighted
from nas.latency.fit.calibrate import Costs, LatencySample, on_reference, predict, prior_of
from nas.latency.fit.robust import robust_nnls
from nas.latency.kernels import CLASSES
from nas.space.columns import Floats

HUBER = 1.345 * 0.05
"""Relative error from which on a figure counts less: Huber's choice for figures good to 5 %. Of ten
figures, one of a network that fell off a cliff would bend all the others otherwise."""
FLOOR = 0.05
"""Least factor, of what all parts together take: nothing becomes free."""


@dataclass(frozen=True, slots=True)
class CostSplit:
    """Which factor each cost takes."""

    name: str
    parts: Sequence[Sequence[int]]
    """(classes, terms); the fixed milliseconds take factor 0."""
    strength: float = 1.0
    """Of the factors towards their mean."""


_ONE = np.zeros((len(CLASSES), len(TERMS)), int)
_BY_TERM = _ONE + [1, 2, 2, 3, 3]
_BY_CLASS = _ONE + 1 + np.arange(len(CLASSES))[:, None]
SPLITS = (
    CostSplit("one factor", _ONE.tolist()),
    *(CostSplit("fixed, launches, work, traffic", _BY_TERM.tolist(), s) for s in (1.0, 0.1, 0.01)),
    *(CostSplit("kernel classes", _BY_CLASS.tolist(), s) for s in (1.0, 0.1, 0.01)),
)


def costs_of(device: Device) -> Costs:
    """The costs of a device's table, of a missing class those that it is priced with."""
    costs = [device.costs_of(cls) for cls in CLASSES]
    us = np.array([[getattr(cost, term) for term in TERMS] for cost in costs])
    return Costs(device.fixed_ms, us)


def adapt(figures: Sequence[LatencySample], known: Costs) -> tuple[Costs, dict[str, float]]:
    """The known costs adapted to the figures, and the weight of each split in that."""
    ms = on_reference(figures, prior_of(figures))
    weights = fold_weights(figures, [_fold(known, split) for split in SPLITS], ms)
    fits = [scaled(figures, ms, known, split) for split in SPLITS]
    shares: dict[str, float] = {}
    for split, weight in zip(SPLITS, weights, strict=True):
        shares[split.name] = shares.get(split.name, 0.0) + float(weight)
    return weighted(fits, weights), shares


def adapted_fold(known: Costs) -> Fold:
    """Adapt to the kept figures; predict the others."""

    def fold(kept: Sequence[LatencySample], out: Sequence[LatencySample]) -> Floats:
        return predict(adapt(kept, known)[0], out)

    return fold


def _fold(known: Costs, split: CostSplit) -> Fold:
    def fold(kept: Sequence[LatencySample], out: Sequence[LatencySample]) -> Floats:
        ms = on_reference(kept, prior_of(kept))
        return predict(scaled(kept, ms, known, split), out)

    return fold


def scaled(figures: Sequence[LatencySample], ms: Floats, known: Costs, split: CostSplit) -> Costs:
    """The known costs, each part times the factor that fits best. Shapes: ms (n,)."""
    parts = np.array(split.parts)
    work = np.array([figure.work for figure in figures]) * known.us / 1000
    n_parts = 1 + int(parts.max())
    own = np.array([work[:, parts == part].sum(1) for part in range(n_parts)]).T
    own[:, 0] += known.fixed_ms
    level = float(np.median(ms / own.sum(1)))
    own *= level
    weight = np.array([figure.weight for figure in figures])
    # the last unknown is the mean; a part that no figure has still follows it
    share = np.maximum(np.sqrt(((own / ms[:, None] * weight[:, None]) ** 2).sum(0)), 1e-3)
    to_mean = np.hstack([np.diag(share), -share[:, None]]) * np.sqrt(split.strength)
    penalty = to_mean, np.zeros(n_parts)
    padded = np.pad(own, ((0, 0), (0, 1)))
    solution = robust_nnls(padded, ms, weight, huber=HUBER, floor=FLOOR, penalty=penalty)
    factors = solution[:-1] * level
    return Costs(known.fixed_ms * float(factors[0]), known.us * factors[parts])
