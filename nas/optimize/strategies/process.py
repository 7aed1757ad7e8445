"""A Gaussian process over the choices of a space: accuracy of a network that was not evaluated.

Two networks are alike by the share of choices that agree, and by what is cheaply known of them. The
kernel is a sum of a linear, a squared and an exponential one of that share (one choice at a time,
pairs of them, all together) and a linear and a Gaussian one of the features. Seven amplitudes and
scales and the noise are fitted by their posterior under log-normal priors, which keeps ten
evaluations from being explained by anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nas.space.columns import Floats

LINEAR, SQUARE, POWER, RATE, CONSTANT, FLAT, SMOOTH, NOISE = range(8)
PRIORS = (
    # choices add up, and evaluations are noisy
    (np.log([1, 1, 0.5, 3, 1, 0.3, 0.3, 0.01]), np.array([1.5, 1.5, 1.5, 1, 1, 1.5, 1.5, 1.5])),
    # pairs of choices decide, and evaluations repeat
    (np.log([0.5, 6, 2, 8, 1, 0.3, 0.3, 0.001]), np.array([1, 0.5, 0.5, 0.5, 1, 1, 1, 1])),
)
"""(median, spread) of the logarithms, for scores of variance 1: the likelier one is believed."""
FURTHEST = 5
"""Spreads from the median: a line search may try what overflows."""
STEPS = 40
"""Of the optimiser."""
JITTER = 1e-6


@dataclass(frozen=True, slots=True)
class Points:
    """Networks as the kernel sees them."""

    chosen: Floats
    """(n, D) one-hot, each row a sum of P ones."""
    features: Floats
    """(n, f) of mean 0 and variance 1 over what was evaluated."""


def _alike(a: Points, b: Points) -> tuple[Floats, Floats, Floats]:
    """(n, m) share of choices that agree; product and squared distance of features."""
    agree = (a.chosen @ b.chosen.T) / b.chosen[0].sum()
    inner = a.features @ b.features.T
    squares = ((p.features**2).sum(axis=1) for p in (a, b))
    distance = next(squares)[:, None] + next(squares)[None] - 2 * inner
    return agree, inner, np.maximum(distance, 0)


def _kernel(scales: Floats, agree: Floats, inner: Floats, distance: Floats) -> Floats:
    kernel: Floats = scales[CONSTANT] + scales[LINEAR] * agree + scales[SQUARE] * agree**2
    kernel += scales[POWER] * np.exp((agree - 1) * scales[RATE])
    kernel += scales[FLAT] * inner + scales[SMOOTH] * np.exp(-distance / 2)
    return kernel


@dataclass(frozen=True, slots=True)
class Process:
    """Fitted to scores of points; predicts in their unit."""

    points: Points
    scales: Floats
    """As the priors, not logarithms."""
    factor: Floats
    """(n, n) Cholesky factor of the kernel with noise."""
    weights: Floats
    """(n,) inverse kernel times standardised scores."""
    mean: float
    sd: float

    @classmethod
    def of(cls, points: Points, scores: Floats, scales: Floats) -> Process:
        """Conditioned on scores (n,), with scales that were fitted before."""
        from scipy.linalg import cho_solve

        mean, sd = float(scores.mean()), float(max(scores.std(), 1e-9))
        kernel = _kernel(scales, *_alike(points, points))
        kernel[np.diag_indices(len(scores))] += scales[NOISE] + JITTER
        factor = np.linalg.cholesky(kernel).astype(float, copy=False)
        weights = cho_solve((factor, True), (scores - mean) / sd)
        return cls(points, scales, factor, weights, mean, sd)

    def predict(self, points: Points) -> tuple[Floats, Floats]:
        """Mean (m,) and standard deviation (m,) of the noise-free score."""
        from scipy.linalg import solve_triangular

        kernel = _kernel(self.scales, *_alike(points, self.points))
        explained = solve_triangular(self.factor, kernel.T, lower=True, check_finite=False)
        own = self.scales[[CONSTANT, LINEAR, SQUARE, POWER, SMOOTH]].sum()
        own = own + self.scales[FLAT] * (points.features**2).sum(axis=1)
        variance = np.maximum(own - (explained**2).sum(axis=0), 1e-12)
        return kernel @ self.weights * self.sd + self.mean, np.sqrt(variance) * self.sd


def fit(points: Points, scores: Floats) -> Floats:
    """The scales of highest posterior density for scores (n,), from the priors' medians on."""
    from scipy.optimize import minimize

    alike = _alike(points, points)
    target = (scores - scores.mean()) / max(scores.std(), 1e-9)
    found = [
        minimize(
            _loss,
            median,
            (alike, target, median, spread),
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
    alike: tuple[Floats, Floats, Floats],
    target: Floats,
    median: Floats,
    spread: Floats,
) -> tuple[float, Floats]:
    """Minus the log posterior of the scales' logarithms, up to a constant, and its gradient."""
    from scipy.linalg import cho_solve

    scales, (agree, inner, distance) = np.exp(logs), alike
    kernel = _kernel(scales, *alike)
    kernel[np.diag_indices(len(target))] += scales[NOISE] + JITTER
    try:
        factor = np.linalg.cholesky(kernel)
    except np.linalg.LinAlgError:
        return 1e10, np.zeros_like(logs)
    inverse = cho_solve((factor, True), np.eye(len(target)))
    weights = inverse @ target
    off = (logs - median) / spread
    loss = weights @ target / 2 + np.log(np.diag(factor)).sum() + (off**2).sum() / 2
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
