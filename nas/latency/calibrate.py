"""Fit a device's kernel costs to latencies of whole networks.

Non-negative least squares in relative error, with Huber weights against figures that fell off a
cliff. Costs are shrunk twice: each class towards the mean over all classes, and those means towards
a model of parameters and MACs alone, so that few data give the trivial model and never a worse one.
Harnesses (phones, tools, labs) are factors on the whole network, estimated first, from networks
that several of them measured, and shrunk towards what is known of them.

Judged by leaving out one family of networks at a time; the settings are chosen inside each fold.
Leaves out: correlated errors of networks that one paper measured together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.latency.kernels import CLASSES, Kernel
from nas.latency.table import TERMS

Floats = NDArray[np.float64]

FLOOR = np.array([0.3, 0.02, 10.0, 1.0, 1.0])
"""Least cost of every class, in the units of `TERMS`. Whole networks cannot tell a launch or
on-chip traffic from free, and a search would live on what is; as high as the errors on families
left out allow."""
OWN_CLASSES = frozenset({"unfold"})
"""Classes that are known to be unlike the others, hence hardly shrunk towards them."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One published or measured latency of one network."""

    network: str
    family: str
    work: Mapping[float, Floats]
    """`on_chip_mb` of each setting of the grid -> (classes, terms), as `work_of` sums it."""
    ms: float
    harness: str
    weight: float
    """Relative; 1 is a figure good to about 5 %."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known before the fit."""

    us_per_mmac: float
    us_per_weight_mb: float
    harnesses: Mapping[str, float]
    """Harness -> its expected factor; the reference has 1 and is not fitted."""
    reference: frozenset[str]
    harness_sd: float = 0.1
    strengths: tuple[float, ...] = (10.0, 1.0, 1.0, 10.0, 1e-3)
    """Of each of `TERMS` towards its expectation; launches, activations and spills expect none."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Chosen on families left out."""

    on_chip_mb: float
    shrinkage: float
    """Of classes towards their mean."""


@dataclass(frozen=True, slots=True)
class Costs:
    """A fitted model."""

    fixed_ms: float
    us: Floats
    """(classes, terms)"""
    settings: Settings

    def ms(self, work: Floats) -> Floats:
        """Milliseconds of networks. Shapes: work (n, classes, terms)."""
        total: Floats = self.fixed_ms + np.tensordot(work, self.us, axes=2) / 1000
        return total


Fold = Callable[[Sequence[Figure], Sequence[Figure]], Floats]
"""Of the figures kept and those left out: ms of those left out."""

HUBER = 0.15
"""Relative error from which on a figure counts less."""
GRID = tuple(Settings(mb, s) for mb, s in product((0.75, 1.0, 1.5), (3.0, 10.0, 30.0)))


def work_of(network: Iterable[Kernel], on_chip_mb: float) -> Floats:
    """Work of a network's kernels, summed by class. Shapes: (classes, terms)."""
    total = np.zeros((len(CLASSES), len(TERMS)))
    for kernel in network:
        if kernel.cls not in CLASSES:
            raise ValueError(f"{kernel.op.name}: {kernel.op.kind} is of no kernel class")
        total[CLASSES.index(kernel.cls)] += kernel.work(on_chip_mb)
    return total


def harness_factors(figures: Sequence[Figure], prior: Prior) -> dict[str, float]:
    """Factor of each harness over the reference, from networks that several measured."""
    networks = sorted({figure.network for figure in figures})
    fitted = sorted({figure.harness for figure in figures} - prior.reference)
    rows, targets = [], []
    for figure in figures:
        row = np.zeros(len(networks) + len(fitted))
        row[networks.index(figure.network)] = figure.weight / 0.05
        if figure.harness in fitted:
            row[len(networks) + fitted.index(figure.harness)] = figure.weight / 0.05
        rows.append(row)
        targets.append(np.log(figure.ms) * figure.weight / 0.05)
    for index, harness in enumerate(fitted):
        row = np.zeros(len(networks) + len(fitted))
        row[len(networks) + index] = 1 / prior.harness_sd
        rows.append(row)
        targets.append(np.log(prior.harnesses[harness]) / prior.harness_sd)
    solution = np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)[0]
    factors = dict.fromkeys(prior.reference, 1.0)
    return factors | dict(zip(fitted, np.exp(solution[len(networks) :]).tolist(), strict=True))


def fit(figures: Sequence[Figure], ms: Floats, settings: Settings, prior: Prior) -> Costs:
    """Costs from figures. Shapes: ms (n,), the figures on the scale of the reference harness."""
    from scipy.optimize import nnls

    work = np.array([figure.work[settings.on_chip_mb] for figure in figures]) / 1000
    weight = np.array([figure.weight for figure in figures])
    n, n_classes, n_terms = work.shape
    # unknowns: fixed ms, the mean of each term, each class's terms; all above their floor
    floor = np.concatenate([[0.05], FLOOR, np.tile(FLOOR, n_classes)])
    share = work / ms[:, None, None] * weight[:, None, None]
    to_mean = _shrink_to_mean(np.sqrt((share**2).sum(0)), settings.shrinkage)
    means = np.sqrt((share.sum(1) ** 2).sum(0))
    strength = np.sqrt(prior.strengths)
    expected = np.array([0, prior.us_per_mmac, prior.us_per_weight_mb, 0, 0])
    to_prior = np.zeros((n_terms, len(floor)))
    to_prior[:, 1 : 1 + n_terms] = np.diag(means * strength)
    robust = np.ones(n)
    flat = np.hstack([np.ones((n, 1)), np.zeros((n, n_terms)), work.reshape(n, -1)])
    for _ in range(4):
        scale = weight * robust / ms
        matrix = np.vstack([flat * scale[:, None], to_mean, to_prior])
        target = np.concatenate([ms * scale, np.zeros(len(to_mean)), expected * means * strength])
        solution = floor + nnls(matrix, target - matrix @ floor)[0]
        error = np.abs(flat @ solution / ms - 1)
        robust = np.sqrt(np.minimum(1, HUBER / np.maximum(error, 1e-9)))
    us = solution[1 + n_terms :].reshape(n_classes, n_terms)
    return Costs(float(solution[0]), us, settings)


def _shrink_to_mean(share: Floats, shrinkage: float) -> Floats:
    """Penalty rows: each class's term is its mean, in the share of latency it stands for."""
    n_classes, n_terms = share.shape
    # a class without data still follows its mean
    share = np.maximum(share, 1e-3 * share.max(0) + 1e-9)
    rows = np.zeros((n_classes * n_terms, 1 + n_terms + n_classes * n_terms))
    for index, (cls, term) in enumerate(product(range(n_classes), range(n_terms))):
        own = CLASSES[cls] in OWN_CLASSES
        strength = share[cls, term] * np.sqrt(0.03 if own else shrinkage)
        rows[index, 1 + n_terms + index] = strength
        rows[index, 1 + term] = -strength
    return rows


def fit_trivial(figures: Sequence[Figure], ms: Floats) -> Floats:
    """The model to beat, fitted alike: fixed ms, ms per mega-MAC, ms per MB of weights."""
    from scipy.optimize import nnls

    matrix = trivial_work(figures)
    weight = np.array([figure.weight for figure in figures])
    robust = np.ones(len(figures))
    for _ in range(4):
        scale = weight * robust / ms
        solution: Floats = nnls(matrix * scale[:, None], ms * scale)[0]
        error = np.abs(matrix @ solution / ms - 1)
        robust = np.sqrt(np.minimum(1, HUBER / np.maximum(error, 1e-9)))
    return solution


def trivial_work(figures: Sequence[Figure]) -> Floats:
    """1, mega-MACs and MB of weights of each figure's network. Shapes: (n, 3)."""
    mmacs, weight_mb = TERMS.index("us_per_mmac"), TERMS.index("us_per_weight_mb")
    totals = [next(iter(figure.work.values())).sum(0) for figure in figures]
    return np.array([(1.0, total[mmacs], total[weight_mb]) for total in totals])


def left_out(figures: Sequence[Figure], fold: Fold) -> Floats:
    """Each figure's ms, predicted by a model that never saw a network of its family."""
    predicted = np.zeros(len(figures))
    families = np.array([figure.family for figure in figures])
    for family in sorted(set(families)):
        out = families == family
        kept = [figure for figure in figures if figure.family != family]
        predicted[out] = fold(kept, [figure for figure in figures if figure.family == family])
    return predicted


def device_fold(prior: Prior, grid: Sequence[Settings] = GRID) -> Fold:
    """Fit the device on the kept figures, its settings chosen among them; predict the others."""

    def fold(kept: Sequence[Figure], out: Sequence[Figure]) -> Floats:
        costs = fit(kept, on_reference(kept, prior), choose(kept, prior, grid), prior)
        return predict(costs, out)

    return fold


def trivial_fold(prior: Prior) -> Fold:
    """The same with the trivial model."""

    def fold(kept: Sequence[Figure], out: Sequence[Figure]) -> Floats:
        ms: Floats = trivial_work(out) @ fit_trivial(kept, on_reference(kept, prior))
        return ms

    return fold


def on_reference(figures: Sequence[Figure], prior: Prior) -> Floats:
    """The figures' ms, as the reference harness would have measured."""
    factors = harness_factors(figures, prior)
    return np.array([figure.ms / factors[figure.harness] for figure in figures])


def predict(costs: Costs, figures: Sequence[Figure]) -> Floats:
    """Milliseconds of the figures' networks on the reference harness."""
    return costs.ms(np.array([figure.work[costs.settings.on_chip_mb] for figure in figures]))


def choose(figures: Sequence[Figure], prior: Prior, grid: Sequence[Settings] = GRID) -> Settings:
    """The settings with the smallest mean error on families left out, large errors capped."""
    if len(grid) == 1:
        return grid[0]
    reference = on_reference(figures, prior)

    def error(settings: Settings) -> float:
        predicted = left_out(figures, device_fold(prior, (settings,)))
        return float(np.minimum(np.abs(predicted / reference - 1), 2 * HUBER).mean())

    return min(grid, key=error)


def conformal(ratios: Floats, level: float) -> tuple[float, float]:
    """Ratios measured/predicted that hold `level` of figures left out, each tail half the rest."""
    n = len(ratios)
    tail = (1 - level) / 2
    # the finite-sample rank (n + 1) of split conformal prediction
    low = np.quantile(ratios, max(0.0, (tail * (n + 1) - 1) / (n - 1)))
    high = np.quantile(ratios, min(1.0, ((1 - tail) * (n + 1) - 1) / (n - 1)))
    return min(1.0, float(low)), max(1.0, float(high))


def as_rows(costs: Costs, networks: Mapping[Any, Sequence[Kernel]]) -> list[dict[str, Any]]:
    """Rows of `kernels.csv`: costs of each class, and how far the fit's networks reach."""
    rows = []
    for cls, us in zip(CLASSES, costs.us, strict=True):
        own = [[k for k in network if k.cls == cls] for network in networks.values()]
        seen = [kernel for network in own for kernel in network]
        rows.append(
            {"cls": cls}
            | {term: float(f"{value:.5g}") for term, value in zip(TERMS, us, strict=True)}
            | {"networks": sum(map(bool, own))}
            | {"max_mmacs": float(f"{max((k.mmacs for k in seen), default=0):.5g}")}
            | {"max_activation_mb": float(f"{max((k.activation_mb for k in seen), default=0):.5g}")}
        )
    return rows
