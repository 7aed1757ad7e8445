"""Errors of the surrogate on networks that its fit has not seen.

Folds of each trained space, and published families left out one at a time, beside the errors of
parameters and MACs alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from imagenet_fit import (
    CEILING,
    RUN_SD_POINTS,
    Published,
    Space,
    assemble,
    base_score,
    fit_expert,
    fit_process,
    recipe_offset,
)
from imagenet_published import REFERENCE
from scipy.stats import kendalltau

from nas.accuracy.score_process import ScoreProcess
from nas.accuracy.surrogate import Distillation, Expert, Scaling
from nas.space.columns import Floats

FOLDS = 5
FAMILY_KEYS = ("figures", "mae", "bias", "mean_sd", "mae_size_model", "within_1_sd", "within_2_sd")


def held_out_figures(
    published: Published,
    spaces: Sequence[Space],
    scaling: Scaling,
    process: ScoreProcess,
    experts: Sequence[Expert],
) -> dict[str, Any]:
    """Return all figures on networks left out of the fit."""
    figures: dict[str, Any] = {}
    for index, space in enumerate(spaces):
        others = [expert for i, expert in enumerate(experts) if i != index]
        figures[space.name] = held_out_tau(space, process, scaling, others)
    return figures | left_out_families(published, experts, scaling)


def held_out_tau(
    space: Space, process: ScoreProcess, scaling: Scaling, others: Sequence[Expert]
) -> dict[str, float]:
    """Return Kendall's tau on folds left out: of the surrogate's mean, and of size alone."""
    base = base_score(process, scaling, space, others)
    order = np.random.default_rng(0).permutation(len(space.x))
    taus = []
    for fold in range(FOLDS):
        held = order[fold::FOLDS]
        seen = np.setdiff1d(order, held)
        expert = fit_expert(space.keep(seen), base[seen], scaling)
        unseen = space.keep(held)
        surrogate = assemble(process, scaling, (*others, expert), Distillation(0.0, 0.0))
        mean, _ = surrogate.predict_features(unseen.x, unseen.resolution)
        columns = (mean, *unseen.size.T)
        taus.append([kendalltau(column, unseen.top1).statistic for column in columns])
    tau, params, macs = np.mean(taus, axis=0)
    sd = float(np.std([row[0] for row in taus]))
    return {
        "networks": len(space.x),
        "tau": tau,
        "tau_sd": sd,
        "tau_params": params,
        "tau_macs": macs,
    }


def left_out_families(
    published: Published, experts: Sequence[Expert], scaling: Scaling
) -> dict[str, Any]:
    """Return the errors in points on each family whose published figures were left out, and on all.

    A figure is predicted for its own recipe, as known from other families. The experts stay, since
    they rank networks of trained spaces, which are no published figures.
    """
    families = np.array(published.families)
    predicted = np.empty((len(families), 2))
    sizes = np.empty(len(families))
    for family in sorted(set(families)):
        held = families == family
        seen, unseen = published.keep(~held), published.keep(held)
        predicted[held] = predict_recipes(seen, unseen, experts, scaling)
        sizes[held] = size_model(seen, unseen)
    rows = {
        f"published {family}": errors(published, predicted, sizes, families == family)
        for family in sorted(set(families))
    }
    every = np.ones(len(families), bool)
    params = kendalltau(published.size[:, 0], published.top1).statistic
    tau = kendalltau(predicted[:, 0], published.top1).statistic
    ranks = {"families": len(rows), "tau": tau, "tau_params": params}
    return {"published": errors(published, predicted, sizes, every) | ranks} | rows


def predict_recipes(
    seen: Published, unseen: Published, experts: Sequence[Expert], scaling: Scaling
) -> Floats:
    """Return mean and deviation (n, 2) of networks of an unseen family, each for its recipe."""
    process = fit_process(seen, scaling)
    surrogate = assemble(process, scaling, experts, Distillation(0.0, 0.0))
    mean, sd = surrogate.predict_features(unseen.x, unseen.resolution)
    offsets = {r: recipe_offset(seen, scaling, r) for r in set(unseen.recipes)}
    shift = np.array([offsets[r].mean for r in unseen.recipes])
    excess = CEILING - mean
    score_sd = np.hypot(np.arcsinh(sd / excess), [offsets[r].sd for r in unseen.recipes])
    left = excess * np.exp(-shift)
    return np.stack([CEILING - left, left * np.sinh(score_sd)], axis=1)


def errors(published: Published, predicted: Floats, sizes: Floats, of: Any) -> dict[str, Any]:
    """Return the figures of `FAMILY_KEYS` over some networks."""
    error = (predicted[:, 0] - published.top1)[of]
    sd = predicted[of, 1]
    sure = np.abs(error) / np.hypot(sd, RUN_SD_POINTS)
    trivial = (sizes - published.top1)[of]
    values = (
        int(of.sum()),
        np.abs(error).mean(),
        error.mean(),
        sd.mean(),
        np.abs(trivial).mean(),
        (sure < 1).mean(),
        (sure < 2).mean(),
    )
    return dict(zip(FAMILY_KEYS, values, strict=True))


def size_model(seen: Published, unseen: Published) -> Floats:
    """Predict top-1 from log-parameters, log-MACs and recipe alone, with the same link."""
    recipes = sorted({r for r in seen.recipes if r != REFERENCE})

    def design(part: Published) -> Floats:
        logs = np.log(part.size)
        ones = np.ones((len(logs), 1))
        return np.hstack(
            [ones, logs, [[float(r == name) for name in recipes] for r in part.recipes]]
        )

    a = design(seen)
    penalty = np.diag([1e-6] * 3 + [0.1] * len(recipes))
    coefficients = np.linalg.solve(a.T @ a + penalty, a.T @ seen.score)
    return CEILING - np.exp(-design(unseen) @ coefficients)
