"""A Gaussian process over the choices of a space: accuracy of networks not yet evaluated.

Two networks are similar by the share of choices that agree, and by their cheap features. The kernel
sums a linear, a squared and an exponential one of that share (single choices, pairs of them, all
together), and a linear and a Gaussian one of the features. Seven amplitudes and scales and the
noise are fitted by their posterior under log-normal priors, which keep a few evaluations from being
overfitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nas.gp import Posterior, inverse_factor, squared_distances
from nas.space.columns import Floats

LINEAR, SQUARE, POWER, RATE, CONSTANT, FLAT, SMOOTH, NOISE = range(8)
PRIORS = (
    # choices add up, and evaluations are noisy
    (np.log([1, 1, 0.5, 3, 1, 0.3, 0.3, 0.01]), np.array([1.5, 1.5, 1.5, 1, 1, 1.5, 1.5, 1.5])),
    # pairs of choices decide, and evaluations repeat
    (np.log([0.5, 6, 2, 8, 1, 0.3, 0.3, 0.001]), np.array([1, 0.5, 0.5, 0.5, 1, 1, 1, 1])),
)
"""(median, spread) of the logarithms, for scores of variance 1; the likelier prior is used."""
FURTHEST = 5
"""Largest distance from the median, in spreads, so that a line search does not overflow."""
STEPS = 40
"""Steps of the optimiser."""
JITTER = 1e-6


@dataclass(frozen=True, slots=True)
class ChoicePoints:
    """Networks as the kernel sees them."""

    chosen: Floats
    """(n, D) one-hot, each row a sum of P ones."""
    features: Floats
    """(n, f) of mean 0 and variance 1 over the evaluated networks."""


def _similarities(a: ChoicePoints, b: ChoicePoints) -> tuple[Floats, Floats, Floats]:
    """(n, m) share of choices that agree; product and squared distance of features."""
    agree = (a.chosen @ b.chosen.T) / b.chosen[0].sum()
    return agree, a.features @ b.features.T, squared_distances(a.features, b.features)


def _kernel(scales: Floats, agree: Floats, inner: Floats, distance: Floats) -> Floats:
    kernel: Floats = scales[CONSTANT] + scales[LINEAR] * agree + scales[SQUARE] * agree**2
    kernel += scales[POWER] * np.exp((agree - 1) * scales[RATE])
    kernel += scales[FLAT] * inner + scales[SMOOTH] * np.exp(-distance / 2)
    return kernel


@dataclass(frozen=True, slots=True)
class ChoiceProcess:
    """A process conditioned on scores of points; it predicts in their unit."""

    points: ChoicePoints
    scales: Floats
    """In the order of the priors, not as logarithms."""
    posterior: Posterior
    """Of standardised scores, with noise."""
    mean: float
    sd: float

    @classmethod
    def of(cls, points: ChoicePoints, scores: Floats, scales: Floats) -> ChoiceProcess:
        """Condition on scores (n,), with scales from `fit`."""
        mean, sd = float(scores.mean()), float(max(scores.std(), 1e-9))
        kernel = _kernel(scales, *_similarities(points, points))
        kernel[np.diag_indices(len(scores))] += scales[NOISE] + JITTER
        posterior = Posterior.of(kernel.astype(float, copy=False), (scores - mean) / sd)
        return cls(points, scales, posterior, mean, sd)

    def predict(self, points: ChoicePoints) -> tuple[Floats, Floats]:
        """Mean (m,) and standard deviation (m,) of the score without noise."""
        kernel = _kernel(self.scales, *_similarities(points, self.points))
        own = self.scales[[CONSTANT, LINEAR, SQUARE, POWER, SMOOTH]].sum()
        own = own + self.scales[FLAT] * (points.features**2).sum(axis=1)
        variance = np.maximum(self.posterior.variance(own, kernel), 1e-12)
        return self.posterior.mean(kernel) * self.sd + self.mean, np.sqrt(variance) * self.sd


def fit(points: ChoicePoints, scores: Floats) -> Floats:
    """Scales of highest posterior density for scores (n,), searched from the priors' medians."""
    from scipy.optimize import minimize

    similarities = _similarities(points, points)
    target = (scores - scores.mean()) / max(scores.std(), 1e-9)
    found = [
        minimize(
            _loss,
            median,
            (similarities, target, median, spread),
            jac=True,
            method="L-BFGS-B",
            bounds=[*zip(median - FURTHEST * spread, median + FURTHEST * spread, strict=True)],
            options={"maxiter": STEPS},
        )
        for median, spread in PRIORS
    ]
    scales: Floats = np.exp(min(found, key=lambda each: each.fun).x)
    return scales


def _loss(
    logs: Floats,
    similarities: tuple[Floats, Floats, Floats],
    target: Floats,
    median: Floats,
    spread: Floats,
) -> tuple[float, Floats]:
    """Negative log posterior of the scales' logarithms, up to a constant, and its gradient."""
    scales, (agree, inner, distance) = np.exp(logs), similarities
    kernel = _kernel(scales, *similarities)
    kernel[np.diag_indices(len(target))] += scales[NOISE] + JITTER
    try:
        factor = inverse_factor(kernel)
    except np.linalg.LinAlgError:
        return 1e10, np.zeros_like(logs)
    inverse = factor.T @ factor
    weights = inverse @ target
    off = (logs - median) / spread
    loss = weights @ target / 2 - np.log(np.diag(factor)).sum() + (off**2).sum() / 2
    pull = (inverse - np.outer(weights, weights)) / 2
    power = np.exp((agree - 1) * scales[RATE])
    slopes = np.array(
        [
            (pull * agree).sum(),
            (pull * agree**2).sum(),
            (pull * power).sum(),
            (pull * power * (agree - 1)).sum() * scales[POWER],
            pull.sum(),
            (pull * inner).sum(),
            (pull * np.exp(-distance / 2)).sum(),
            np.trace(pull),
        ]
    )
    return float(loss), slopes * scales + off / spread
