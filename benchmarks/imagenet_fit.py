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
from imagenet_published import REFERENCE, Figure

from nas.accuracy import FEATURES, features
from nas.accuracy.artefact import symmetric
from nas.accuracy.inputs import inputs, law_basis
from nas.accuracy.score_process import ScoreCovariance, ScoreProcess, network_factor
from nas.accuracy.surrogate import Expert, Scaling, Surrogate
from nas.blocks import Row
from nas.gp import Posterior
from nas.graph.graph import Place
from nas.space.arch import Arch, lower_alone
from nas.space.columns import Floats

CEILING = 88.0
KERNEL = ScoreCovariance(law_sd=0.15, input_sd=0.02, amplitude=0.1, length=8.0, recipe_sd=0.1)
"""Chosen on a coarse grid by the marginal likelihood of the published figures."""
FLOOR_SD = 0.03
"""In units of the score: about 0.4 points at 75 %, the spread of recipes with one name."""
RUN_SD_POINTS = 0.4
"""Standard deviation of a figure from seed, crop and rounding."""
RIDGE = 0.3
"""Prior of an expert's linear terms, in units of its noise; quadratic terms have a tighter one."""
TIGHTER = 108.0
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

    figures: Sequence[Figure]
    x: Floats
    resolution: Floats
    top1: Floats

    @property
    def recipes(self) -> list[str]:
        return ["" if f.recipe == REFERENCE else f.recipe for f in self.figures]

    @property
    def score(self) -> Floats:
        return -np.log(CEILING - self.top1)

    @property
    def noise_sd(self) -> Floats:
        return np.hypot(0.02, RUN_SD_POINTS / (CEILING - self.top1))

    def keep(self, rows: Any) -> Published:
        figures = [f for f, kept in zip(self.figures, rows, strict=True) if kept]
        return Published(figures, self.x[rows], self.resolution[rows], self.top1[rows])


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
    """Condition the process on published figures."""
    z, terms = scaling(*_raw(published))
    factor = network_factor(KERNEL, z, terms, published.recipes, published.noise_sd)
    posterior = Posterior(factor, factor.T @ (factor @ published.score))
    return ScoreProcess(KERNEL, z, terms, posterior)


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


def assemble(process: ScoreProcess, scaling: Scaling, experts: Sequence[Expert]) -> Surrogate:
    """Assemble the parts into one surrogate, for testing and writing."""
    return Surrogate("imagenet", CEILING, scaling, process, tuple(experts), FLOOR_SD, "", {})


def base_score(process: ScoreProcess, scaling: Scaling, space: Space) -> Floats:
    """Return the scores of a trained space's networks before any expert."""
    return process.predict(*scaling(*_raw(space)))[0]


def _raw(part: Space | Published) -> tuple[Floats, Floats]:
    return inputs(part.x, part.resolution), law_basis(part.x, part.resolution)


def _rounded(values: Floats) -> Floats:
    return np.array([float(f"{value:.7g}") for value in values])
