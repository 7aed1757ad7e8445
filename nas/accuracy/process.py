"""A Gaussian process with a law: linear in a few terms, smooth in all inputs.

Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), section 2.7. Training
recipes are factors: networks of one recipe share an offset, and the reference recipe has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas.accuracy.inputs import Floats

FLAT_SD = 10.0
"""Prior deviation of the law's constant: the level is left to the data."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Prior deviations, in score, and the length over which networks resemble each other."""

    law_sd: float
    """Of each standardised term of the law."""
    amplitude: float
    """Of what is smooth in the inputs."""
    length: float
    """In standardised inputs."""
    recipe_sd: float

    def near(self, z: Floats, others: Floats) -> Floats:
        """Covariance (n, m) of the smooth part."""
        squares = (z**2).sum(1)[:, None] + (others**2).sum(1) - 2 * z @ others.T
        near: Floats = self.amplitude**2 * np.exp(squares / (-2 * self.length**2))
        return near

    def prior(self, terms: int) -> Floats:
        """Variances (terms,) of the law's coefficients, the constant first."""
        return np.array([FLAT_SD**2] + [self.law_sd**2] * (terms - 1))


@dataclass(frozen=True, slots=True, eq=False)
class Process:
    """Conditioned on m networks with d inputs and b terms."""

    kernel: Kernel
    networks: Floats
    """(m, d) standardised inputs"""
    terms: Floats
    """(m, b) standardised terms"""
    whiten: Floats
    """(m, m) inverse Cholesky factor of the covariance of the networks' scores"""
    weights: Floats
    """(m,) of each network in the mean"""

    def predict(self, z: Floats, terms: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of the score; the mean's law is clipped to the networks' range."""
        prior = self.kernel.prior(terms.shape[1])
        near = self.kernel.near(z, self.networks)
        inside = np.clip(terms, self.terms.min(axis=0), self.terms.max(axis=0))
        mean = inside @ (prior * (self.weights @ self.terms)) + near @ self.weights
        known = (near + (terms * prior) @ self.terms.T) @ self.whiten.T
        variance = self.kernel.amplitude**2 + terms**2 @ prior - (known**2).sum(axis=1)
        return mean, np.maximum(variance, 0.0)


def whiten(
    kernel: Kernel, z: Floats, terms: Floats, recipes: Sequence[str], noise_sd: Floats
) -> Floats:
    """Inverse Cholesky factor of the scores' covariance; recipe "" is the reference."""
    same = np.array([[a == b != "" for b in recipes] for a in recipes], dtype=float)
    covariance = kernel.near(z, z) + (terms * kernel.prior(terms.shape[1])) @ terms.T
    covariance += kernel.recipe_sd**2 * same + np.diag(noise_sd**2)
    return np.linalg.inv(np.linalg.cholesky(covariance))
