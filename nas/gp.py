"""Gaussian process regression: what every process of the project does with its covariances.

Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), chapter 2 (scores as
functions of inputs) and section 2.1 (weights of features); section 5.4.2 for observations left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def squared_distances(a: Floats, b: Floats) -> Floats:
    """Squared Euclidean distances of rows. Shapes: (n, d), (m, d) -> (n, m)."""
    distances: Floats = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.maximum(distances, 0)


def inverse_factor(covariance: Floats) -> Floats:
    """Inverse W of the lower Cholesky factor: W.T @ W is the inverse of the covariance.

    Shapes: (n, n).

    Raises:
        numpy.linalg.LinAlgError: the covariance is not positive definite.
    """
    factor: Floats = np.linalg.inv(np.linalg.cholesky(covariance))
    return factor


def weight_covariance(features: Floats, precision: Floats) -> Floats:
    """Posterior covariance (m, m) of weights with a normal prior of this precision (m, m).

    Shapes: features (n, m), each row divided by the standard deviation of its observation.
    """
    return np.asarray(np.linalg.inv(features.T @ features + precision), float)


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """A zero-mean process conditioned on n noisy observations."""

    factor: Floats
    """(n, n) as `inverse_factor` returns it, of the observations' covariance with noise."""
    weights: Floats
    """(n,) of each observation in the mean."""

    @classmethod
    def of(cls, covariance: Floats, observed: Floats) -> Posterior:
        """Condition on `observed` (n,), whose covariance with noise is (n, n)."""
        factor = inverse_factor(covariance)
        return cls(factor, factor.T @ (factor @ observed))

    def mean(self, cross: Floats) -> Floats:
        """(m,) at points whose covariance with the observations is `cross` (m, n)."""
        mean: Floats = cross @ self.weights
        return mean

    def variance(self, prior: Floats, cross: Floats) -> Floats:
        """(m,) without noise, at points of this prior variance (m,)."""
        explained: Floats = ((cross @ self.factor.T) ** 2).sum(axis=1)
        return np.maximum(prior - explained, 0)

    def left_out(self, groups: Sequence[str]) -> Floats:
        """Observation (n,) minus its mean given the observations of all other groups.

        In closed form for whole groups (Ginsbourger and Schärer 2021, arXiv:2101.03108).
        """
        precision = self.factor.T @ self.factor
        errors, names = np.empty(len(groups)), np.array(groups)
        for name in np.unique(names):
            own = np.flatnonzero(names == name)
            errors[own] = np.linalg.solve(precision[np.ix_(own, own)], self.weights[own])
        return errors
