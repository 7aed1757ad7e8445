"""The parts of the surrogate, fitted in closed form: scaling, process, experts.

The process is conditioned on published figures, with equal scaling for each source of inputs. An
expert is a ridge regression of the ranking in one trained space that the process leaves over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from files import read_rows
from imagenet_networks import accel_nasbench, once_for_all
from imagenet_published import DISTILLED, REFERENCE

from nas.accuracy import FEATURES, features
from nas.accuracy.artefact import symmetric
from nas.accuracy.inputs import inputs, law_basis
from nas.accuracy.score_process import ScoreCovariance, ScoreProcess
from nas.accuracy.surrogate import Distillation, Expert, Scaling, Surrogate
from nas.blocks import Row
from nas.gp import Posterior, inverse_factor
from nas.graph.graph import Place
from nas.space.arch import Arch, lower_alone
from nas.space.columns import Floats

CEILING = 90.0
COVARIANCE = ScoreCovariance(
    law_sd=0.117, input_sd=0.0045, amplitude=0.162, length=9.7, recipe_sd=0.104, family_sd=0.048
)
NETWORK_SD = 0.025
"""What two trainings by one recipe differ by, in score: about 0.4 points at 75 %.

The covariance has the highest marginal likelihood of the published figures, except that this and
the deviation of families are a sixth smaller, so that deviations hold on families left out."""
RUN_SD_POINTS = 0.4
"""Standard deviation of a figure from seed, crop and rounding."""
REPRESENTATIVES = 160
"""Networks that the process is conditioned through: as many as are cheap at every estimate."""
RIDGE = 0.3
"""Prior of an expert's linear terms, in units of its noise; quadratic terms have a tighter one."""
TIGHTER = 60.0
CONSTANT_SD = 0.3
"""An input shared by an expert's networks fades it over this share of the pooled scale."""


@dataclass(frozen=True, slots=True)
class Space:
    """Networks of one search space, trained in the same way."""

    name: str
    x: Floats
    size: Floats
    """(n, 2): parameters and MACs"""
    top1: Floats

    @property
    def resolution(self) -> Floats:
        return np.full(len(self.x), 224.0)

    def keep(self, rows: Any) -> Space:
        return Space(self.name, self.x[rows], self.size[rows], self.top1[rows])


@dataclass(frozen=True, slots=True)
class Published:
    """Published figures as arrays."""

    names: Sequence[str]
    families: Sequence[str]
    recipes: Sequence[str]
    x: Floats
    size: Floats
    """(n, 2): parameters and MACs"""
    resolution: Floats
    top1: Floats

    @property
    def score(self) -> Floats:
        return -np.log(CEILING - self.top1)

    @property
    def noise(self) -> Floats:
        """Covariance (n, n) of what recipe, family and training add to the process."""
        recipes = _alike(["" if r == REFERENCE else r for r in self.recipes])
        own = NETWORK_SD**2 + (RUN_SD_POINTS / (CEILING - self.top1)) ** 2
        shared = COVARIANCE.recipe_sd**2 * recipes + COVARIANCE.family_sd**2 * _alike(self.families)
        return np.asarray(shared + np.diag(own), float)

    def keep(self, rows: Any) -> Published:
        def chosen(values: Sequence[str]) -> list[str]:
            return [value for value, kept in zip(values, rows, strict=True) if kept]

        words = chosen(self.names), chosen(self.families), chosen(self.recipes)
        return Published(
            *words, self.x[rows], self.size[rows], self.resolution[rows], self.top1[rows]
        )


def _alike(values: Sequence[str]) -> Floats:
    """1 where two values are the same and not empty."""
    named = np.array(values)
    return np.asarray((named[:, None] == named) & (named != ""), float)


def tabulate(archs: Sequence[Arch]) -> Floats:
    """Return the features (n, F) of many networks; each distinct row is lowered once."""
    known: dict[tuple[Row, Place], tuple[Floats, Place]] = {}
    table = []
    for arch in archs:
        total, place = np.zeros(len(FEATURES)), Place(arch.input, arch.input[1])
        for row in arch.rows:
            if (row, place) not in known:
                graph, after = lower_alone([row], place)
                known[row, place] = np.array(features(graph), float), after
            found, place = known[row, place]
            total = total + found
        table.append(total)
    return np.array(table)


def sizes(archs: Iterable[Arch]) -> Floats:
    """Return parameters and MACs (n, 2)."""
    return np.array([(arch.params, arch.macs) for arch in archs], float)


def read_spaces(data: Path) -> tuple[Space, Space]:
    """Return both trained spaces; a network listed twice counts once, with its mean top-1."""
    accel = read_rows(data / "accel_nasbench.csv")
    ofa = read_rows(data / "ofa_mobilenetv3_evals.csv")
    return (
        _space("accel", [accel_nasbench(r) for r in accel], [float(r["val_top1"]) for r in accel]),
        _space("ofa", [once_for_all(r) for r in ofa], [float(r["top1"]) for r in ofa]),
    )


def _space(name: str, archs: Sequence[Arch], top1: Sequence[float]) -> Space:
    runs: dict[Arch, list[float]] = {}
    for arch, value in zip(archs, top1, strict=True):
        runs.setdefault(arch, []).append(value)
    return Space(
        name, tabulate(list(runs)), sizes(runs), np.array([np.mean(v) for v in runs.values()])
    )


def fit_scaling(published: Published, spaces: Sequence[Space]) -> Scaling:
    """Scale the inputs so that every source counts alike in their centre and scale."""
    sources: list[Space | Published] = [*spaces, published]
    parts = [inputs(source.x, source.resolution) for source in sources]
    centre = np.mean([u.mean(axis=0) for u in parts], axis=0)
    scale = np.sqrt(np.mean([((u - centre) ** 2).mean(axis=0) for u in parts], axis=0))
    terms = law_basis(published.x, published.resolution)
    term_centre, term_scale = terms.mean(axis=0), terms.std(axis=0)
    term_centre[0], term_scale[0] = 0.0, 1.0
    return Scaling(*(_rounded(a) for a in (centre, scale + 1e-6, term_centre, term_scale)))


def fit_process(published: Published, scaling: Scaling) -> ScoreProcess:
    """Condition the process on published figures, through representative networks.

    With G the information of all figures about the representatives, in units of their prior, the
    explained variance is that of G / (1 + G).
    """
    everyone = scaling(*_raw(published))
    chosen = representatives(everyone)
    z, terms = (part[chosen] for part in everyone)
    prior = COVARIANCE.between((z, terms), (z, terms))
    root = inverse_factor(prior + 1e-8 * np.diag(np.diag(prior)))
    cross = root @ COVARIANCE.between((z, terms), everyone)
    whitened = inverse_factor(published.noise)
    informed = cross @ whitened.T
    values, vectors = np.linalg.eigh(informed @ informed.T)
    values = np.maximum(values, 0.0)
    factor = (np.sqrt(values / (1 + values))[:, None] * vectors.T) @ root
    found = vectors @ ((vectors.T @ (informed @ (whitened @ published.score))) / (1 + values))
    return ScoreProcess(COVARIANCE, z, terms, Posterior(factor, root.T @ found))


def representatives(everyone: tuple[Floats, Floats]) -> list[int]:
    """Choose the networks that leave least variance unexplained, by pivoted Cholesky."""
    z, terms = everyone
    left = COVARIANCE.amplitude**2 + np.hstack([terms, z]) ** 2 @ COVARIANCE.prior(
        terms.shape[1], z.shape[1]
    )
    columns: list[Floats] = []
    chosen: list[int] = []
    while len(chosen) < min(REPRESENTATIVES, len(left)):
        pivot = int(np.argmax(left))
        if left[pivot] < 1e-9:  # the others repeat the chosen ones
            break
        own = COVARIANCE.between((z, terms), (z[[pivot]], terms[[pivot]]))[:, 0]
        for column in columns:
            own = own - column * column[pivot]
        columns.append(own / np.sqrt(left[pivot]))
        left = np.maximum(left - columns[-1] ** 2, 0.0)
        left[pivot] = 0.0
        chosen.append(pivot)
    return chosen


def named_representatives(published: Published, scaling: Scaling) -> Published:
    """Return the networks that `fit_process` conditions through, in its order."""
    chosen = representatives(scaling(*_raw(published)))
    parts = published.names, published.families, published.recipes
    words = [[values[i] for i in chosen] for values in parts]
    numbers = published.x, published.size, published.resolution, published.top1
    return Published(*words, *(values[chosen] for values in numbers))


@dataclass(frozen=True, slots=True)
class RecipeOffset:
    """What a recipe adds to the score, and the deviation of that."""

    mean: float
    sd: float


def recipe_offset(published: Published, scaling: Scaling, recipe: str) -> RecipeOffset:
    """Return the offset of a recipe; that of one without a figure is only its prior."""
    if recipe == REFERENCE:
        return RecipeOffset(0.0, 0.0)
    everyone = scaling(*_raw(published))
    factor = inverse_factor(COVARIANCE.between(everyone, everyone) + published.noise)
    share = factor @ np.array([own == recipe for own in published.recipes], float)
    prior = COVARIANCE.recipe_sd**2
    mean = prior * share @ (factor @ published.score)
    return RecipeOffset(float(mean), float(np.sqrt(prior - prior**2 * share @ share)))


def distillation(published: Published, scaling: Scaling) -> Distillation:
    """Fit the gain of a teacher; its deviation is that between networks trained both ways."""
    scores: dict[tuple[str, str], list[float]] = {}
    for key, score in zip(
        zip(published.names, published.recipes, strict=True), published.score, strict=True
    ):
        scores.setdefault(key, []).append(score)
    gains = [
        np.mean(own) - np.mean(scores[name, REFERENCE])
        for (name, recipe), own in scores.items()
        if recipe == DISTILLED and (name, REFERENCE) in scores
    ]
    gain = recipe_offset(published, scaling, DISTILLED).mean
    return Distillation(gain, float(np.sqrt(np.mean((np.array(gains) - gain) ** 2))))


def fit_expert(space: Space, base: Floats, scaling: Scaling) -> Expert:
    """Fit the ranking of a space that the process's score `base` leaves over, by ridge regression.

    Least squares of top-1 on `base` gives the points per score, so that `base` is right on average
    over the space. The mean of `base` stays.
    """
    u = inputs(space.x, space.resolution)
    centre = u.mean(axis=0)
    scale = np.maximum(u.std(axis=0), CONSTANT_SD * scaling.scale)
    z = (u - centre) / scale
    points = np.polyfit(base, space.top1, 1)[0]
    target = (space.top1 - space.top1.mean()) / points - (base - base.mean())
    first, second = np.triu_indices(z.shape[1])
    terms = np.hstack([z, z[:, first] * z[:, second]])
    mean = terms.mean(axis=0)
    penalty = np.repeat([RIDGE, RIDGE * TIGHTER], [z.shape[1], len(first)])
    terms = terms - mean
    coefficients = np.linalg.solve(terms.T @ terms + np.diag(penalty), terms.T @ target)
    linear, pairs = np.split(coefficients, [z.shape[1]])
    constant = float(-mean @ coefficients)
    return Expert(
        space.name, centre, scale, np.abs(z).max(axis=0), constant, linear, symmetric(pairs)
    )


def fit_experts(process: ScoreProcess, scaling: Scaling, spaces: Sequence[Space]) -> list[Expert]:
    """Fit the expert of each space to what the process and the other experts leave over.

    Each is fitted twice, the second time beside the others (backfitting).
    """
    experts = [fit_expert(s, base_score(process, scaling, s), scaling) for s in spaces]
    for index, space in enumerate(spaces):
        others = [expert for expert in experts if expert is not experts[index]]
        experts[index] = fit_expert(space, base_score(process, scaling, space, others), scaling)
    return experts


def assemble(
    process: ScoreProcess, scaling: Scaling, experts: Sequence[Expert], gain: Distillation
) -> Surrogate:
    """Assemble the parts into one surrogate, for testing and writing."""
    return Surrogate(
        "imagenet", CEILING, scaling, process, tuple(experts), gain, NETWORK_SD, "", {}
    )


def base_score(
    process: ScoreProcess, scaling: Scaling, space: Space, others: Sequence[Expert] = ()
) -> Floats:
    """Return the scores of a trained space's networks before its own expert."""
    u, terms = _raw(space)
    score = process.predict(*scaling(u, terms))[0]
    for expert in others:
        score = score + expert.refine(u)
    return score


def _raw(part: Space | Published) -> tuple[Floats, Floats]:
    return inputs(part.x, part.resolution), law_basis(part.x, part.resolution)


def _rounded(values: Floats) -> Floats:
    return np.array([float(f"{value:.7g}") for value in values])
