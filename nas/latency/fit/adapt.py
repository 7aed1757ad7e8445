"""Adapt a known device to a related one from 5 to 20 networks measured there.

The known device's milliseconds are split into parts, and each part is multiplied by a factor; the
factors are shrunk to their common mean. Splits from one factor for everything to one per kernel
class are blended by their errors on networks left out, so few samples give few free parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from nas.latency.device import Device
from nas.latency.files import TERMS
from nas.latency.fit.blend import Fit, weighted
from nas.latency.fit.calibrate import Costs, LatencySample, on_reference, prior_of
from nas.latency.fit.robust import robust_nnls
from nas.latency.kernels import CLASSES

HUBER = 1.345 * 0.05
"""Relative error above which a sample counts less: Huber's choice for samples good to 5 %.
Otherwise one outlier of ten samples would distort all factors."""
FLOOR = 0.05
"""Least factor relative to the factor of all parts together, so that nothing becomes free."""


@dataclass(frozen=True, slots=True)
class CostSplit:
    """Assigns a factor to each cost."""

    name: str
    parts: Sequence[Sequence[int]]
    """(classes, terms) index of the factor; the fixed milliseconds have factor 0."""
    strength: float = 1.0
    """Strength of the shrinkage of factors to their mean."""


_ONE = np.zeros((len(CLASSES), len(TERMS)), int)
_BY_TERM = _ONE + [1, 2, 2, 3, 3]
_BY_CLASS = _ONE + 1 + np.arange(len(CLASSES))[:, None]
SPLITS = (
    CostSplit("one factor", _ONE.tolist()),
    *(CostSplit("fixed, launches, work, traffic", _BY_TERM.tolist(), s) for s in (1.0, 0.1, 0.01)),
    *(CostSplit("kernel classes", _BY_CLASS.tolist(), s) for s in (1.0, 0.1, 0.01)),
)


def costs_of(device: Device) -> Costs:
    """Costs of a device's table; a missing class has the costs that it is priced with."""
    costs = [device.costs_of(cls) for cls in CLASSES]
    us = np.array([[getattr(cost, term) for term in TERMS] for cost in costs])
    return Costs(device.fixed_ms, us)


def adapt(samples: Sequence[LatencySample], known: Costs) -> tuple[Costs, dict[str, float]]:
    """The known costs adapted to the samples, and the weight of each split."""
    costs, weights = weighted(samples, _adapted(known), prior_of(samples))
    shares: dict[str, float] = {}
    for split, weight in zip(SPLITS, weights, strict=True):
        shares[split.name] = shares.get(split.name, 0.0) + float(weight)
    return costs, shares


def adapt_several(
    samples: Sequence[LatencySample], known: Mapping[str, Costs]
) -> tuple[Costs, dict[str, float]]:
    """The costs of several devices adapted to the samples and blended, and each one's weight.

    For a device without an obvious relative: errors on networks left out choose among the known.
    """
    fits = [fit for costs in known.values() for fit in _adapted(costs)]
    costs, weights = weighted(samples, fits, prior_of(samples))
    by_device = weights.reshape(len(known), len(SPLITS)).sum(1)
    return costs, dict(zip(known, by_device.tolist(), strict=True))


def _adapted(known: Costs) -> list[Fit]:
    return [partial(scaled, known, split) for split in SPLITS]


def scaled(known: Costs, split: CostSplit, samples: Sequence[LatencySample]) -> Costs:
    """The known costs with each part times the factor that fits the samples best."""
    ms = on_reference(samples, prior_of(samples))
    parts = np.array(split.parts)
    work = np.array([sample.work for sample in samples]) * known.us / 1000
    n_parts = 1 + int(parts.max())
    own = np.array([work[:, parts == part].sum(1) for part in range(n_parts)]).T
    own[:, 0] += known.fixed_ms
    level = float(np.median(ms / own.sum(1)))
    own *= level
    weight = np.array([sample.weight for sample in samples])
    # the last unknown is the mean, which a part without samples follows
    share = np.maximum(np.sqrt(((own / ms[:, None] * weight[:, None]) ** 2).sum(0)), 1e-3)
    to_mean = np.hstack([np.diag(share), -share[:, None]]) * np.sqrt(split.strength)
    penalty = to_mean, np.zeros(n_parts)
    padded = np.pad(own, ((0, 0), (0, 1)))
    solution = robust_nnls(padded, ms, weight, huber=HUBER, floor=FLOOR, penalty=penalty)
    factors = solution[:-1] * level
    return Costs(known.fixed_ms * float(factors[0]), known.us * factors[parts])
