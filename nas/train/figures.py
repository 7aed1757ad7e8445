"""Accuracies with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, sqrt
from statistics import NormalDist, stdev

from nas.files.records import between

LEVEL = 0.95
"""Of the intervals."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A top-1 accuracy in percent, with an interval of `LEVEL`."""

    top1: float = between(high=100)
    low: float = between(high=100)
    high: float = between(high=100)
    sd: float = between(high=100)
    """Of one training; over seeds where there are several, of the sample of images else."""
    seeds: int = between(low=1)
    images: int = between(low=1, high=1e12)


def accuracy(top1s: list[float], images: int) -> Accuracy:
    """Over the trainings of several seeds, each judged on the same images.

    What is unknown is which images would be seen: Wilson's interval of a share (1927). And, of
    several trainings, what other seeds would give: Student's interval of their mean. They are
    independent, so distances from the mean add as squares. A difference of two networks that were
    judged on the same images is surer than both intervals say.

    >>> accuracy([90.0], images=1000).low
    87.98...
    """
    mean = sum(top1s) / len(top1s)
    low, high, sd = _of_images(mean, images)
    reach = 0.0
    if len(top1s) > 1:
        reach, sd = _of_seeds(top1s)
    low, high = mean - hypot(mean - low, reach), mean + hypot(high - mean, reach)
    return Accuracy(mean, max(0.0, low), min(100.0, high), sd, len(top1s), images)


def _of_images(mean: float, images: int) -> tuple[float, float, float]:
    """Wilson's interval of an accuracy, and its standard deviation; all in percent."""
    z, share = NormalDist().inv_cdf((1 + LEVEL) / 2), mean / 100
    centre = (share + z * z / (2 * images)) / (1 + z * z / images)
    sd = sqrt(share * (1 - share) / images)
    reach = z * hypot(sd, z / images / 2) / (1 + z * z / images)
    return 100 * (centre - reach), 100 * (centre + reach), 100 * sd


def _of_seeds(top1s: list[float]) -> tuple[float, float]:
    """Half of Student's interval of a mean, and the standard deviation of one."""
    from scipy.stats import sem, t

    return float(t.ppf((1 + LEVEL) / 2, len(top1s) - 1) * sem(top1s)), stdev(top1s)
