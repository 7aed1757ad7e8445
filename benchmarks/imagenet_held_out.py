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
    KERNEL,
    RUN_SD_POINTS,
    Published,
    Space,
    assemble,
    base_score,
    fit_expert,
    fit_process,
    sizes,
)
from scipy.stats import kendalltau

from nas.accuracy.score_process import ScoreProcess
from nas.accuracy.surrogate import Expert, Scaling
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
    rows = left_out_families(published, spaces, scaling)
    share = np.array([row["figures"] for row in rows]) / len(published.top1)
    figures["published"] = {
        key: sum(row[key] * part for row, part in zip(rows, share, strict=True))
        for key in ("mae", "mae_size_model", "within_1_sd", "within_2_sd")
    }
    figures |= {f"published {row['family']}": {k: row[k] for k in FAMILY_KEYS} for row in rows}
    return figures


def held_out_tau(
    space: Space, process: ScoreProcess, scaling: Scaling, others: Sequence[Expert]
) -> dict[str, float]:
    """Return Kendall's tau on folds left out: of the surrogate's mean, and of size alone."""
    base = base_score(process, scaling, space)
    order = np.random.default_rng(0).permutation(len(space.x))
    taus = []
    for fold in range(FOLDS):
        held = order[fold::FOLDS]
        seen = np.setdiff1d(order, held)
        expert = fit_expert(space.keep(seen), base[seen], scaling)
        unseen = space.keep(held)
        surrogate = assemble(process, scaling, (*others, expert))
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
    published: Published, spaces: Sequence[Space], scaling: Scaling
) -> list[dict[str, Any]]:
    """Return the errors in points on each family whose published figures were left out."""
    families = np.array([f.family for f in published.figures])
    rows = []
    for family in sorted(set(families)):
        seen, unseen = published.keep(families != family), published.keep(families == family)
        process = fit_process(seen, scaling)
        experts = [fit_expert(s, base_score(process, scaling, s), scaling) for s in spaces]
        surrogate = assemble(process, scaling, experts)
        mean, sd = surrogate.predict_features(unseen.x, unseen.resolution)
        shift = np.exp(-recipe_offsets(process, seen, unseen.recipes))
        mean, sd = CEILING - (CEILING - mean) * shift, sd * shift
        error = mean - unseen.top1
        sure = np.abs(error) / np.hypot(sd, RUN_SD_POINTS)
        trivial = size_model(seen, unseen) - unseen.top1
        rows.append(
            {
                "family": family,
                "figures": len(unseen.top1),
                "mae": np.abs(error).mean(),
                "bias": error.mean(),
                "mean_sd": sd.mean(),
                "mae_size_model": np.abs(trivial).mean(),
                "within_1_sd": (sure < 1).mean(),
                "within_2_sd": (sure < 2).mean(),
            }
        )
    return rows


def recipe_offsets(process: ScoreProcess, seen: Published, recipes: Sequence[str]) -> Floats:
    """Return each recipe's shift of the score; 0 for the reference and unseen recipes."""
    total = {r: 0.0 for r in recipes}
    for recipe, weight in zip(seen.recipes, process.weights, strict=True):
        if recipe:
            total[recipe] = total.get(recipe, 0.0) + weight
    return KERNEL.recipe_sd**2 * np.array([total[r] for r in recipes])


def size_model(seen: Published, unseen: Published) -> Floats:
    """Predict top-1 from log-parameters, log-MACs and recipe alone, with the same link."""
    recipes = sorted({r for r in seen.recipes if r})

    def design(part: Published) -> Floats:
        logs = np.log(sizes(figure.arch for figure in part.figures))
        ones = np.ones((len(logs), 1))
        return np.hstack(
            [ones, logs, [[float(r == name) for name in recipes] for r in part.recipes]]
        )

    a = design(seen)
    penalty = np.diag([1e-6] * 3 + [0.1] * len(recipes))
    coefficients = np.linalg.solve(a.T @ a + penalty, a.T @ seen.score)
    return CEILING - np.exp(-design(unseen) @ coefficients)
