"""Accuracies with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

LEVEL = 0.95
"""Of the intervals."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A top-1 accuracy in percent, with an interval of `LEVEL`."""

    top1: float
    low: float
    high: float
    sd: float
    """Of one training; over seeds where there are several, of the sample of images else."""
    seeds: int
    images: int


def accuracy(top1s: list[float], images: int) -> Accuracy:
    """Over the trainings of several seeds, each judged on as many images.

    One training: Wilson's interval of a share (1927), for the images only. Several: Student's
    interval of their mean, which knows nothing of other images.

    >>> accuracy([90.0], images=1000).low
    87.98...
    """
    n = len(top1s)
    mean = sum(top1s) / n
    if n == 1:
        z, share = NormalDist().inv_cdf((1 + LEVEL) / 2), mean / 100
        centre = (share + z * z / (2 * images)) / (1 + z * z / images)
        sd = sqrt(share * (1 - share) / images)
        reach = z * sqrt(share * (1 - share) / images + (z / images / 2) ** 2)
        reach /= 1 + z * z / images
        return Accuracy(mean, 100 * (centre - reach), 100 * (centre + reach), 100 * sd, 1, images)
    from scipy.stats import t

    sd = sqrt(sum((top1 - mean) ** 2 for top1 in top1s) / (n - 1))
    reach = float(t.ppf((1 + LEVEL) / 2, n - 1)) * sd / sqrt(n)
    return Accuracy(mean, max(0.0, mean - reach), min(100.0, mean + reach), sd, n, images)
