"""From the sum over kernels to the whole network: what additive costs cannot say.

A small network stays in the caches from one run to the next, a large one does not, so that the
same kernel is cheaper in the small one. The sum is multiplied by a factor, and below a knot by a
power of the sum: increasing, so that a budget on the network is one on the sum, and whatever is
searched additively still is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nas.space.columns import Floats

STRENGTH = 0.1
"""Of a ridge on the exponent: few networks claim little."""
LEAST = 8
"""Networks below which only the factor is fitted."""
STEEPEST = 0.5
"""Exponent at most, either way."""


@dataclass(frozen=True, slots=True)
class NetworkCorrection:
    """ms = sum x factor x (sum / knot) ^ exponent below the knot, and without the power above."""

    factor: float = 1.0
    exponent: float = 0.0
    knot_ms: float = 1.0
    least_ms: float = 1.0
    """Sum below which the power falls no further: smaller networks were never measured."""

    def ratio(self, sum_ms: Any) -> Any:
        """Of milliseconds to the sum; of one or of an array."""
        return self.factor * (np.clip(sum_ms, self.least_ms, self.knot_ms) / self.knot_ms) ** (
            self.exponent
        )

    def ms(self, sum_ms: Any) -> Any:
        """Milliseconds of networks whose kernels sum up to so many."""
        return sum_ms * self.ratio(sum_ms)

    def invert(self, ms: float) -> float:
        """The sum that becomes so many milliseconds."""
        if ms >= self.ms(self.knot_ms):
            return ms / self.factor
        if ms <= self.ms(self.least_ms):
            return float(ms / self.ratio(self.least_ms))
        return float(
            self.knot_ms * (ms / (self.factor * self.knot_ms)) ** (1 / (1 + self.exponent))
        )

    def times(self, level: float) -> NetworkCorrection:
        """The same of a device on which every kernel takes `level` times as long."""
        return NetworkCorrection(
            self.factor, self.exponent, self.knot_ms * level, self.least_ms * level
        )

    def as_yaml(self) -> dict[str, float]:
        """For `device.yaml`."""
        return {name: float(f"{value:.5g}") for name, value in asdict(self).items()}


def fit_correction(
    sums_ms: Sequence[float] | Floats, ms: Sequence[float] | Floats
) -> NetworkCorrection:
    """From networks whose sums were predicted by models that never saw them. Shapes: both (n,)."""
    sums, measured = np.asarray(sums_ms, float), np.asarray(ms, float)
    if not len(sums):
        return NetworkCorrection()
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
