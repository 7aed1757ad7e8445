"""The estimate of a network that a search selected, corrected for the selection.

A search keeps the network of the highest estimate, so it keeps an estimate that errs upwards: the
winner's or optimiser's curse. Smith and Winkler (2006) replace the estimate by the mean of the
truth given the estimate. Where truths spread by `spread` around their mean over the space, and an
estimate errs by `error`, it is

    corrected = mean + spread**2 / (spread**2 + error**2) * (estimate - mean)

All are scores (`nas.accuracy.surrogate`). Mean and spread are those of the estimates of random
networks that meet the search's limits, since their truths are unknown. The error is the process's
own at that network, without the deviations of training again and of a family, which select none of
its networks. The more candidates a search compares, the further its best lies above their mean, and
the larger the correction. A record bounds the result: the best published figure of that size.

The interval adds two deviations: that of the estimate, scaled to its errors on families left out of
the surrogate, and half the correction, which rests on a normal spread. Valid inference about a
winner without that assumption costs wider intervals (Zrnic and Fithian 2024, arXiv:2411.18569).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import asinh, exp, hypot, inf, log
from statistics import NormalDist

import numpy as np

from nas.accuracy.surrogate import AccuracyEstimate, Surrogate
from nas.space.columns import Floats

Z90 = 1.6449
"""Standard deviations on either side of the mean in a normal 90 % interval."""


@dataclass(frozen=True, slots=True)
class CorrectedEstimate:
    """An estimate of ImageNet top-1 in points, corrected for the selection of its network."""

    top1: float
    low: float
    """Lower end of the 90 % interval."""
    high: float
    uncorrected: AccuracyEstimate
    """The estimate that the search compared."""
    candidates: int
    """Number of networks within the limits that the search compared."""

    @property
    def sd(self) -> float:
        """Standard deviation of a normal distribution with this interval."""
        return (self.high - self.low) / (2 * Z90)

    def __repr__(self) -> str:
        own = f"{self.top1:.1f} [{self.low:.1f}, {self.high:.1f}] %"
        return f"<CorrectedEstimate {own} ImageNet top-1, best of {self.candidates:,}>"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a search selects from, in scores of a surrogate."""

    ceiling: float
    shared_sd: float
    """Deviation that does not select: of training again, and of the family of all candidates."""
    mean: float
    """Mean score of random networks within the limits."""
    spread: float
    """Standard deviation of their scores."""
    candidates: int
    held_out_scale: float = 1.0
    """Errors on networks left out, in units of the deviations that the surrogate stated there."""
    held_out_error: float | None = None
    """Deviation of an estimate from the truth, if that of networks left out is to stand for all."""

    @classmethod
    def of(
        cls,
        surrogate: Surrogate,
        top1: Floats,
        candidates: int,
        held_out_error: float | None = None,
    ) -> Selection:
        """Selection of one of `candidates`; `top1` (n,) are estimates of random ones of them."""
        scores = -np.log(surrogate.ceiling - np.minimum(top1, surrogate.ceiling - 1e-6))
        mean, spread = float(np.mean(scores)), float(np.std(scores))
        scale = _held_out_scale(surrogate)
        shared_sd = hypot(surrogate.floor_sd, surrogate.process.covariance.family_sd)
        return cls(surrogate.ceiling, shared_sd, mean, spread, candidates, scale, held_out_error)

    def corrected(self, found: AccuracyEstimate, record: float = inf) -> CorrectedEstimate:
        """The estimate of a selected network; `record` is the best published top-1 of its size.

        It is never above the estimate itself.
        """
        excess = self.ceiling - found.top1
        score, sd = -log(excess), asinh(found.sd / excess)
        variance = max(sd**2 - self.shared_sd**2, 0.0)
        total = self.spread**2 + variance
        share = self.spread**2 / total if total else 0.0
        mean = min(score, self.mean + share * (score - self.mean))
        own = self.held_out_scale * sd if self.held_out_error is None else self.held_out_error
        deviation = Z90 * hypot(own, (score - mean) / 2)
        if record < self.ceiling:
            mean = min(mean, -log(self.ceiling - record))
        top1, low, high = (self._top1(mean + shift) for shift in (0.0, -deviation, deviation))
        return CorrectedEstimate(top1, low, high, found, self.candidates)

    def _top1(self, score: float) -> float:
        return max(self.ceiling - exp(-score), 0.0)


def _held_out_scale(surrogate: Surrogate) -> float:
    """The factor by which deviations must grow to hold 68 % of the families left out.

    The surrogate's figures state the share within one deviation; errors are normal.
    """
    held_out = surrogate.provenance.get("held_out", {}).get("published", {})
    if (share := held_out.get("within_1_sd")) is None:
        return 1.0
    return 1 / NormalDist().inv_cdf((1 + min(max(float(share), 0.01), 0.99)) / 2)
