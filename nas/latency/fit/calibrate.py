"""Fit a device's kernel costs to latencies of whole networks.

Non-negative least squares in relative error, with Huber weights against figures that fell off a
cliff. Costs are shrunk twice: each class towards the mean over all classes, and those means towards
a model of parameters and MACs alone, so that few data give the trivial model and hardly a worse
one; how strongly is chosen on families left out (`nas.latency.fit.blend`). Harnesses (phones,
tools, labs) are factors on the whole network, estimated first, from networks that several of them
measured, and shrunk towards what is known of them. Leaves out: correlated errors of networks that
one paper measured together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from nas.latency.files import TERMS
from nas.latency.fit.robust import robust_nnls
from nas.latency.kernels import CLASSES, Kernel
from nas.space.columns import Floats

OWN_CLASSES = frozenset({"unfold"})
"""Classes that are known to be unlike the others, hence hardly shrunk towards them."""


@dataclass(frozen=True, slots=True)
class LatencySample:
    """One published or measured latency of one network."""

    network: str
    family: str
    work: Floats
    """(classes, terms), as `work_of` sums it."""
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
    floor_us: tuple[float, ...]
    """Least cost of every class, in the units of `TERMS`. Whole networks cannot tell a launch or
    on-chip traffic from free, and a search would live on what is; as high as the errors on families
    left out allow."""
    floor_ms: float
    """Least fixed part."""
    harness_sd: float = 0.1
    strengths: tuple[float, ...] = (10.0, 1.0, 1.0, 10.0, 1e-3)
    """Of each of `TERMS` towards its expectation; launches, activations and spills expect none."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """What whole networks say least about; judged on families left out."""

    shrinkage: float
    """Of classes towards their mean."""
    trust: float
    """In the prior: a factor on its strengths."""


@dataclass(frozen=True, slots=True)
class Costs:
    """A fitted model."""

    fixed_ms: float
    us: Floats
    """(classes, terms)"""

    def ms(self, work: Floats) -> Floats:
        """Milliseconds of networks. Shapes: work (n, classes, terms)."""
        total: Floats = self.fixed_ms + np.tensordot(work, self.us, axes=2) / 1000
        return total


HUBER = 0.15
"""Relative error from which on a figure counts less."""
ON_CHIP_MB = 1.0
"""What a kernel reads and writes beyond this is spilled: fixed, as whole networks hardly say."""
LEAST = (0.02, 0.3, 0.3, 0.02, 0.02)
"""Least cost of a class where nothing else is known: of MACs and weights, a share of what the
trivial model says; of the others, such that a typical network spends this share of its time."""


def prior_of(figures: Sequence[LatencySample]) -> Prior:
    """What the figures' own trivial model says, the commonest harness as reference."""
    counts = Counter(sorted(figure.harness for figure in figures))
    reference = counts.most_common(1)[0][0]
    others = dict.fromkeys(counts.keys() - {reference}, 1.0)
    blank = Prior(0, 0, others, frozenset({reference}), (0,) * len(TERMS), 0, harness_sd=0.3)
    ms = on_reference(figures, blank)
    totals = np.array([figure.work.sum(0) for figure in figures])
    typical_us, amount = 1000 * float(np.median(ms)), np.median(totals, axis=0)
    amount[TERMS.index("us_per_spilled_mb")] = amount[TERMS.index("us_per_activation_mb")]
    whole = typical_us / np.maximum(amount, 1e-9)
    # a coefficient that the trivial model sets to zero still stands for some time
    trivial_us = 1000 * fit_trivial(figures, ms)[1:]
    whole[1:3] = np.maximum(trivial_us, 0.05 * whole[1:3])
    return replace(
        blank,
        us_per_mmac=float(whole[1]),
        us_per_weight_mb=float(whole[2]),
        floor_us=tuple((whole * LEAST).tolist()),
        floor_ms=typical_us / 1e5,
    )


def one(_: Kernel) -> float:
    """No factor on a kernel's costs."""
    return 1.0


def work_of(
    network: Iterable[Kernel],
    on_chip_mb: float = ON_CHIP_MB,
    factor: Callable[[Kernel], float] = one,
) -> Floats:
    """Work of a network's kernels, each times its factor, summed by class.

    Shapes: (classes, terms).
    """
    total = np.zeros((len(CLASSES), len(TERMS)))
    for kernel in network:
        if kernel.cls not in CLASSES:
            raise ValueError(f"{kernel.op.name}: {kernel.op.kind} is of no kernel class")
        total[CLASSES.index(kernel.cls)] += factor(kernel) * np.array(kernel.work(on_chip_mb))
    return total


def harness_factors(figures: Sequence[LatencySample], prior: Prior) -> dict[str, float]:
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


def fit(figures: Sequence[LatencySample], ms: Floats, settings: FitSettings, prior: Prior) -> Costs:
    """Costs from figures. Shapes: ms (n,), the figures on the scale of the reference harness."""
    work = np.array([figure.work for figure in figures]) / 1000
    weight = np.array([figure.weight for figure in figures])
    n, n_classes, n_terms = work.shape
    # unknowns: fixed ms, the mean of each term, each class's terms; all above their floor
    floor = np.concatenate([[prior.floor_ms], np.tile(prior.floor_us, 1 + n_classes)])
    share = work / ms[:, None, None] * weight[:, None, None]
    to_mean = _shrink_to_mean(np.sqrt((share**2).sum(0)), settings.shrinkage)
    means = np.sqrt((share.sum(1) ** 2).sum(0))
    strength = np.sqrt(settings.trust * np.array(prior.strengths))
    expected = np.array([0, prior.us_per_mmac, prior.us_per_weight_mb, 0, 0])
    to_prior = np.zeros((n_terms, len(floor)))
    to_prior[:, 1 : 1 + n_terms] = np.diag(means * strength)
    flat = np.hstack([np.ones((n, 1)), np.zeros((n, n_terms)), work.reshape(n, -1)])
    targets = np.concatenate([np.zeros(len(to_mean)), expected * means * strength])
    penalty = np.vstack([to_mean, to_prior]), targets
    solution = robust_nnls(flat, ms, weight, huber=HUBER, floor=floor, penalty=penalty)
    us = solution[1 + n_terms :].reshape(n_classes, n_terms)
    return Costs(float(solution[0]), us)


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


def fit_trivial(figures: Sequence[LatencySample], ms: Floats) -> Floats:
    """The model to beat, fitted alike: fixed ms, ms per mega-MAC, ms per MB of weights."""
    weight = np.array([figure.weight for figure in figures])
    return robust_nnls(trivial_work(figures), ms, weight, huber=HUBER)


def trivial_work(figures: Sequence[LatencySample]) -> Floats:
    """1, mega-MACs and MB of weights of each figure's network. Shapes: (n, 3)."""
    mmacs, weight_mb = TERMS.index("us_per_mmac"), TERMS.index("us_per_weight_mb")
    totals = [figure.work.sum(0) for figure in figures]
    return np.array([(1.0, total[mmacs], total[weight_mb]) for total in totals])


def on_reference(figures: Sequence[LatencySample], prior: Prior) -> Floats:
    """The figures' ms, as the reference harness would have measured."""
    factors = harness_factors(figures, prior)
    return np.array([figure.ms / factors[figure.harness] for figure in figures])


def predict(costs: Costs, figures: Sequence[LatencySample]) -> Floats:
    """Milliseconds of the figures' networks on the reference harness."""
    return costs.ms(np.array([figure.work for figure in figures]))
