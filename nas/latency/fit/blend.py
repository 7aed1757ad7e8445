"""Blend several fits into one device, weighted by their errors on networks left out.

One family of networks is left out at a time, and every choice is made inside the fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from nas.latency.fit.calibrate import (
    HUBER,
    Costs,
    FitSettings,
    LatencySample,
    Prior,
    fit,
    fit_trivial,
    on_reference,
    predict,
    prior_of,
    trivial_work,
)
from nas.space.columns import Floats

Fold = Callable[[Sequence[LatencySample], Sequence[LatencySample]], Floats]
"""From samples kept and samples left out to predicted ms of those left out."""

GRID = tuple(FitSettings(s, t) for s, t in product((0.03, 0.3, 3.0, 30.0), (0.1, 0.01)))
SHARPNESS = 8.0
"""Negative power of a model's error in its weight in a blend."""


@dataclass(frozen=True, slots=True)
class FitRecipe:
    """How a device is fitted: prior knowledge, and the settings to blend."""

    prior: Callable[[Sequence[LatencySample]], Prior] = prior_of
    grid: Sequence[FitSettings] = GRID


def left_out(samples: Sequence[LatencySample], fold: Fold) -> Floats:
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
        predicted[out] = fold(kept, left)
    return predicted


def device_fold(recipe: FitRecipe) -> Fold:
    """Fit the device to the kept samples; predict the others."""

    def fold(kept: Sequence[LatencySample], out: Sequence[LatencySample]) -> Floats:
        return predict(blend(kept, recipe), out)

    return fold


def trivial_fold(recipe: FitRecipe) -> Fold:
    """Fit the trivial model to the kept samples; predict the others."""

    def fold(kept: Sequence[LatencySample], out: Sequence[LatencySample]) -> Floats:
        ms = on_reference(kept, recipe.prior(kept))
        predicted: Floats = trivial_work(out) @ fit_trivial(kept, ms)
        return predicted

    return fold


def blend(samples: Sequence[LatencySample], recipe: FitRecipe) -> Costs:
    """Costs averaged over the settings, weighted by their errors on families left out.

    The model is linear in its costs, so this averages predictions. Few families do not suffice to
    choose one of the settings.
    """
    prior = recipe.prior(samples)
    ms = on_reference(samples, prior)
    if len(recipe.grid) == 1:
        return fit(samples, ms, recipe.grid[0], prior)
    folds = [device_fold(replace(recipe, grid=(settings,))) for settings in recipe.grid]
    fits = [fit(samples, ms, settings, prior) for settings in recipe.grid]
    return weighted(fits, fold_weights(samples, folds, ms))


def fold_weights(samples: Sequence[LatencySample], folds: Sequence[Fold], ms: Floats) -> Floats:
    """Weights of models, which sum to 1: higher for a smaller error on networks left out.

    They are equal if there is only one network, as it cannot be left out.
    """
    if len({sample.network for sample in samples}) == 1:
        return np.full(len(folds), 1 / len(folds))
    errors = [_capped_error(left_out(samples, fold), ms) for fold in folds]
    weights: Floats = (np.maximum(errors, 1e-4) / max(1e-4, min(errors))) ** -SHARPNESS
    total: Floats = weights / weights.sum()
    return total


def _capped_error(predicted: Floats, ms: Floats) -> float:
    """Mean relative error, with large errors capped."""
    return float(np.minimum(np.abs(predicted / ms - 1), 2 * HUBER).mean())


def weighted(fits: Sequence[Costs], weights: Floats) -> Costs:
    """Weighted mean of models, which predicts the mean of their predictions."""
    us: Floats = np.tensordot(weights, [costs.us for costs in fits], axes=1)
    return Costs(float(weights @ [costs.fixed_ms for costs in fits]), us)
