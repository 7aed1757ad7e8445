"""From the sum over kernels to the whole network, which additive costs do not describe.

A small network stays in the caches from one run to the next and a large one does not, so the same
kernel is cheaper in the small one. The sum is multiplied by a factor, and below a knot by a power
of the sum. The result increases with the sum, so a budget on the network is a budget on the sum,
and additive search remains possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

import numpy as np

from nas.files.records import between
from nas.space.columns import Floats

STRENGTH = 0.1
"""Ridge penalty on the exponent, which keeps it small for few networks."""
LEAST = 8
"""Least number of networks to fit the exponent to; with fewer, only the factor is fitted."""
STEEPEST = 0.5
"""Largest magnitude of the exponent."""


@dataclass(frozen=True, slots=True)
class NetworkCorrection:
    """ms = sum x factor x (sum / knot) ^ exponent below the knot, and without the power above.

    The power stays constant for sums below `least_ms`, as no smaller network was measured.
    """

    factor: float = between(above=0, high=inf)
    exponent: float = between(low=-STEEPEST, high=STEEPEST)
    knot_ms: float = between(above=0, high=inf)
    least_ms: float = between(above=0, high=inf)

    def ratio(self, sum_ms: Any) -> Any:
        """Ratio of a network's milliseconds to its sum; elementwise for an array."""
        return self.factor * (np.clip(sum_ms, self.least_ms, self.knot_ms) / self.knot_ms) ** (
            self.exponent
        )

    def ms(self, sum_ms: Any) -> Any:
        """Milliseconds of a network with this sum; elementwise for an array."""
        return sum_ms * self.ratio(sum_ms)

    def invert(self, ms: float) -> float:
        """Sum of a network with these milliseconds."""
        if ms >= self.ms(self.knot_ms):
            return ms / self.factor
        if ms <= self.ms(self.least_ms):
            return float(ms / self.ratio(self.least_ms))
        return float(
            self.knot_ms * (ms / (self.factor * self.knot_ms)) ** (1 / (1 + self.exponent))
        )

    def times(self, level: float) -> NetworkCorrection:
        """The correction of a device on which every kernel takes `level` times as long."""
        return NetworkCorrection(
            self.factor, self.exponent, self.knot_ms * level, self.least_ms * level
        )

    def as_yaml(self) -> dict[str, float]:
        """Mapping for `device.yaml`."""
        return {name: float(f"{value:.5g}") for name, value in asdict(self).items()}


NO_CORRECTION = NetworkCorrection(factor=1.0, exponent=0.0, knot_ms=1.0, least_ms=1.0)


def fit_correction(
    sums_ms: Sequence[float] | Floats, ms: Sequence[float] | Floats
) -> NetworkCorrection:
    """Fit to measured networks and their sums, each predicted by a model fitted without it.

    Shapes: both (n,).
    """
    sums, measured = np.asarray(sums_ms, float), np.asarray(ms, float)
    if not len(sums):
        return NO_CORRECTION
    log_ratio = np.log(measured / sums)
    knot, least = float(np.median(sums)), float(sums.min())
    if len(sums) < LEAST:
        return NetworkCorrection(float(np.exp(np.median(log_ratio))), 0.0, knot, least)
    below = np.minimum(np.log(sums / knot), 0)
    columns = np.column_stack([np.ones(len(sums)), below])
    ridge = np.diag([0.0, STRENGTH])
    level, exponent = np.linalg.solve(columns.T @ columns + ridge, columns.T @ log_ratio)
    return NetworkCorrection(
        float(np.exp(level)), float(np.clip(exponent, -STEEPEST, STEEPEST)), knot, least
    )
