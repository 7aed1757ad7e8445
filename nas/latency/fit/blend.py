"""Several fits blended into one device, each as heavy as it does well on networks left out.

One family of networks is left out at a time; what is chosen is chosen inside each fold.
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
"""Of the figures kept and those left out: ms of those left out."""

GRID = tuple(FitSettings(s, t) for s, t in product((0.03, 0.3, 3.0, 30.0), (0.1, 0.01)))
SHARPNESS = 8.0
"""Power of a model's error in its weight, where several are blended."""


@dataclass(frozen=True, slots=True)
class FitRecipe:
    """How a device is fitted: what is known before, and which settings are blended."""

    prior: Callable[[Sequence[LatencySample]], Prior] = prior_of
    grid: Sequence[FitSettings] = GRID


def left_out(figures: Sequence[LatencySample], fold: Fold) -> Floats:
    """Each figure's ms, predicted by a model that never saw a network of its family.

    Where all are of one family, that never saw the network.
    """
    groups = np.array([figure.family for figure in figures])
    if len(set(groups)) == 1:
        groups = np.array([figure.network for figure in figures])
    predicted = np.zeros(len(figures))
    for group in sorted(set(groups)):
        out = groups == group
        kept, left = ([f for f, o in zip(figures, out, strict=True) if o == x] for x in (0, 1))
        predicted[out] = fold(kept, left)
    return predicted


def device_fold(recipe: FitRecipe) -> Fold:
    """Fit the device on the kept figures; predict the others."""

    def fold(kept: Sequence[LatencySample], out: Sequence[LatencySample]) -> Floats:
        return predict(blend(kept, recipe), out)

    return fold


def trivial_fold(recipe: FitRecipe) -> Fold:
    """The same with the trivial model."""

    def fold(kept: Sequence[LatencySample], out: Sequence[LatencySample]) -> Floats:
        ms = on_reference(kept, recipe.prior(kept))
        predicted: Floats = trivial_work(out) @ fit_trivial(kept, ms)
        return predicted

    return fold


def blend(figures: Sequence[LatencySample], recipe: FitRecipe) -> Costs:
    """Costs averaged over the settings, each weighted by how well it does on families left out.

    The model is linear in its costs, so this averages predictions; few families tell the settings
    apart too poorly to bet on one.
    """
    prior = recipe.prior(figures)
    ms = on_reference(figures, prior)
    if len(recipe.grid) == 1:
        return fit(figures, ms, recipe.grid[0], prior)
    folds = [device_fold(replace(recipe, grid=(settings,))) for settings in recipe.grid]
    fits = [fit(figures, ms, settings, prior) for settings in recipe.grid]
    return weighted(fits, fold_weights(figures, folds, ms))


def fold_weights(figures: Sequence[LatencySample], folds: Sequence[Fold], ms: Floats) -> Floats:
    """How heavy each model is: the smaller its error on networks left out, the heavier.

    Of one network alone, which nothing can be left out of, all alike. The sum is 1.
    """
    if len({figure.network for figure in figures}) == 1:
        return np.full(len(folds), 1 / len(folds))
    errors = [_capped_error(left_out(figures, fold), ms) for fold in folds]
    weights: Floats = (np.maximum(errors, 1e-4) / max(1e-4, min(errors))) ** -SHARPNESS
    total: Floats = weights / weights.sum()
    return total


def _capped_error(predicted: Floats, ms: Floats) -> float:
    """Mean relative error, large ones capped."""
    return float(np.minimum(np.abs(predicted / ms - 1), 2 * HUBER).mean())


def weighted(fits: Sequence[Costs], weights: Floats) -> Costs:
    """The mean of models, which predicts the mean of their predictions."""
    us: Floats = np.tensordot(weights, [costs.us for costs in fits], axes=1)
    return Costs(float(weights @ [costs.fixed_ms for costs in fits]), us)
