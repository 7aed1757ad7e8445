"""A Gaussian process of scores: a law that is linear in a few terms, plus a smooth part.

Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), section 2.7. A network of
a family that was never seen differs from the process by the deviation of families. The process is
conditioned on many networks through a few representative ones (the projected process of their
section 8.3.4), so that an estimate costs as much as if only those had been published.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from nas.files.records import between
from nas.gp import Posterior, squared_distances
from nas.space.columns import Floats

FLAT_SD = 10.0
"""Prior deviation of the law's constant: the data decide its level."""


@dataclass(frozen=True, slots=True)
class ScoreCovariance:
    """Prior deviations in score, and the length over which networks resemble each other."""

    law_sd: float = between(above=0, high=inf)
    """Deviation of the effect of each standardised term of the law."""
    input_sd: float = between(above=0, high=inf)
    """Deviation of a linear effect of each standardised input: doubt that grows with distance."""
    amplitude: float = between(above=0, high=inf)
    """Deviation of the part that is smooth in the inputs."""
    length: float = between(above=0, high=inf)
    """In standardised inputs."""
    recipe_sd: float = between(above=0, high=inf)
    """Deviation of a recipe's offset."""
    family_sd: float = between(above=0, high=inf)
    """Deviation of a family's offset: what its networks share that no input shows."""

    def near(self, z: Floats, others: Floats) -> Floats:
        """Covariance (n, m) of the smooth part."""
        near: Floats = np.exp(squared_distances(z, others) / (-2 * self.length**2))
        return self.amplitude**2 * near

    def prior(self, terms: int, inputs: int) -> Floats:
        """Variances (terms + inputs,) of the linear coefficients, the law's constant first."""
        sds = [FLAT_SD] + [self.law_sd] * (terms - 1) + [self.input_sd] * inputs
        return np.array(sds) ** 2

    def between(self, a: tuple[Floats, Floats], b: tuple[Floats, Floats]) -> Floats:
        """Covariance (n, m) of networks of unlike families, each given as (inputs, terms)."""
        linear, others = np.hstack(a[::-1]), np.hstack(b[::-1])
        prior = self.prior(a[1].shape[1], a[0].shape[1])
        return self.near(a[0], b[0]) + (linear * prior) @ others.T


@dataclass(frozen=True, slots=True, eq=False)
class ScoreProcess:
    """The process conditioned through m representative networks with d inputs and b terms."""

    covariance: ScoreCovariance
    networks: Floats
    """(m, d) standardised inputs"""
    terms: Floats
    """(m, b) standardised terms"""
    posterior: Posterior

    def predict(self, z: Floats, terms: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of the score of networks of families that were not seen.

        In the mean, the linear part is clipped to the networks' range: a network beyond it is not
        estimated to be better for that.
        """
        prior = self.covariance.prior(terms.shape[1], z.shape[1])
        near = self.covariance.near(z, self.networks)
        linear, seen = np.hstack([terms, z]), np.hstack([self.terms, self.networks])
        inside = np.clip(linear, seen.min(axis=0), seen.max(axis=0))
        mean = inside @ (prior * (self.posterior.weights @ seen)) + self.posterior.mean(near)
        own = self.covariance.amplitude**2 + linear**2 @ prior
        doubt = self.posterior.variance(own, near + (linear * prior) @ seen.T)
        return mean, doubt + self.covariance.family_sd**2
