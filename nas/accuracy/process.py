"""A Gaussian process with a law: linear in a few terms and weakly in all inputs, and smooth.

Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), section 2.7. Training
recipes are factors: networks of one recipe share an offset, and the reference recipe has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas.space.columns import Floats

FLAT_SD = 10.0
"""Prior deviation of the law's constant: the level is left to the data."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Prior deviations, in score, and the length over which networks resemble each other."""

    law_sd: float
    """Of each standardised term of the law."""
    input_sd: float
    """Of a linear effect of each standardised input: doubt that grows with the distance."""
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

    def prior(self, terms: int, inputs: int) -> Floats:
        """Variances (terms + inputs,) of the linear coefficients, the law's constant first."""
        sds = [FLAT_SD] + [self.law_sd] * (terms - 1) + [self.input_sd] * inputs
        return np.array(sds) ** 2


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
        """Mean and variance of the score.

        In the mean, what is linear is clipped to the networks' range: more is not promised more.
        """
        prior = self.kernel.prior(terms.shape[1], z.shape[1])
        near = self.kernel.near(z, self.networks)
        linear, seen = np.hstack([terms, z]), np.hstack([self.terms, self.networks])
        inside = np.clip(linear, seen.min(axis=0), seen.max(axis=0))
        mean = inside @ (prior * (self.weights @ seen)) + near @ self.weights
        known = (near + (linear * prior) @ seen.T) @ self.whiten.T
        variance = self.kernel.amplitude**2 + linear**2 @ prior - (known**2).sum(axis=1)
        return mean, np.maximum(variance, 0.0)


def whiten(
    kernel: Kernel, z: Floats, terms: Floats, recipes: Sequence[str], noise_sd: Floats
) -> Floats:
    """Inverse Cholesky factor of the scores' covariance; recipe "" is the reference."""
    same = np.array([[a == b != "" for b in recipes] for a in recipes], dtype=float)
    linear = np.hstack([terms, z])
    prior = kernel.prior(terms.shape[1], z.shape[1])
    covariance = kernel.near(z, z) + (linear * prior) @ linear.T
    covariance += kernel.recipe_sd**2 * same + np.diag(noise_sd**2)
    return np.linalg.inv(np.linalg.cholesky(covariance))
