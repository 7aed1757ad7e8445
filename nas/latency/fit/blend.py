"""Blend several fits into one device, weighted by their errors on networks left out.

One family of networks is left out at a time, and every choice is made inside the fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from nas.latency.fit.calibrate import (
    HUBER,
    Costs,
    FitSettings,
    LatencySample,
    Model,
    Prior,
    fit,
    fit_trivial,
    on_reference,
    prior_of,
    trivial_work,
)
from nas.space.columns import Floats

Fit = Callable[[Sequence[LatencySample]], Costs]

GRID = tuple(FitSettings(s, t) for s, t in product((0.03, 0.3, 3.0, 30.0), (0.1, 0.01)))
SHARPNESS = 8.0
"""Negative power of a model's error in its weight in a blend."""


@dataclass(frozen=True, slots=True)
class FitRecipe:
    """How a device is fitted: prior knowledge, and the settings to blend."""

    prior: Callable[[Sequence[LatencySample]], Prior] = prior_of
    grid: Sequence[FitSettings] = GRID

    def fit(self, settings: FitSettings, samples: Sequence[LatencySample]) -> Costs:
        """Costs fitted with one of the settings."""
        prior = self.prior(samples)
        return fit(samples, on_reference(samples, prior), settings, prior)

    def fit_trivial(self, samples: Sequence[LatencySample]) -> Model:
        """The model of parameters and MACs alone."""
        costs = fit_trivial(samples, on_reference(samples, self.prior(samples)))
        return lambda others: np.asarray(trivial_work(others) @ costs)


def left_out(
    samples: Sequence[LatencySample], fit: Callable[[Sequence[LatencySample]], Model]
) -> Floats:
    """Milliseconds of each sample, predicted by a model fitted without its network's family.

    If all networks are of one family, the model is fitted without the network.
    """
    groups = np.array([sample.family for sample in samples])
    if len(set(groups)) == 1:
        groups = np.array([sample.network for sample in samples])
    predicted = np.zeros(len(samples))
    for group in sorted(set(groups)):
        out = groups == group
        kept, left = ([f for f, o in zip(samples, out, strict=True) if o == x] for x in (0, 1))
        predicted[out] = fit(kept)(left)
    return predicted


def blend(samples: Sequence[LatencySample], recipe: FitRecipe) -> Costs:
    """Costs averaged over the settings, weighted by their errors on families left out.

    Few families do not suffice to choose one of the settings.
    """
    fits = [partial(recipe.fit, settings) for settings in recipe.grid]
    return weighted(samples, fits, recipe.prior(samples))[0]


def weighted(
    samples: Sequence[LatencySample], fits: Sequence[Fit], prior: Prior
) -> tuple[Costs, Floats]:
    """Mean of the fits, and their weights: higher for a smaller error on networks left out.

    The model is linear in its costs, so this averages predictions. The weights sum to 1. They are
    equal if there is only one network, as it cannot be left out.
    """
    costs = [fit(samples) for fit in fits]
    weights = np.full(len(fits), 1 / len(fits))
    if len(fits) > 1 and len({sample.network for sample in samples}) > 1:
        ms = on_reference(samples, prior)
        errors = [_capped_error(left_out(samples, _model(fit)), ms) for fit in fits]
        weights = (np.maximum(errors, 1e-4) / max(1e-4, min(errors))) ** -SHARPNESS
        weights /= weights.sum()
    us: Floats = np.tensordot(weights, [own.us for own in costs], axes=1)
    return Costs(float(weights @ [own.fixed_ms for own in costs]), us), weights


def _model(fit: Fit) -> Callable[[Sequence[LatencySample]], Model]:
    return lambda samples: fit(samples).predict


def _capped_error(predicted: Floats, ms: Floats) -> float:
    """Mean relative error, with large errors capped."""
    return float(np.minimum(np.abs(predicted / ms - 1), 2 * HUBER).mean())
