"""Fit a device's kernel costs to latencies of whole networks.

Non-negative least squares in relative error, with Huber weights against outliers. Costs are shrunk
twice: each class towards the mean over all classes, and those means towards a model of parameters
and MACs alone, so that few data give the trivial model. The strengths are chosen on families left
out (`nas.latency.fit.blend`). Harnesses (phones, tools, labs) are factors on the whole network;
they are estimated first, from networks that several harnesses measured, and shrunk towards prior
factors. Leaves out: correlated errors of networks that one paper measured together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nas.latency.files import TERMS
from nas.latency.fit.robust import robust_nnls
from nas.latency.kernels import CLASSES, Kernel
from nas.space.columns import Floats

OWN_CLASSES = frozenset({"unfold"})
"""Classes unlike the others, which are hardly shrunk towards them."""


@dataclass(frozen=True, slots=True)
class LatencySample:
    """A published or measured latency of a network."""

    network: str
    family: str
    work: Floats
    """(classes, terms), from `work_of`"""
    ms: float
    harness: str
    weight: float
    """Relative; 1 is a sample good to about 5 %."""
    leaves: bool = False
    """Whether an op of the network may leave the accelerator."""


Model = Callable[[Sequence[LatencySample]], Floats]
"""Predicts milliseconds of the samples' networks on the reference harness."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Knowledge before the fit."""

    us_per_mmac: float
    us_per_weight_mb: float
    harnesses: Mapping[str, float]
    """Expected factor of each harness; the reference has 1 and is not fitted."""
    reference: frozenset[str]
    floor_us: tuple[float, ...]
    """Least cost of every class, in the units of `TERMS`. Whole networks do not tell a launch or
    on-chip traffic from a free one, which a search would exploit; the floor is as high as the
    errors on families left out allow."""
    floor_ms: float
    """Least fixed milliseconds."""
    harness_sd: float = 0.1
    strengths: tuple[float, ...] = (10.0, 1.0, 1.0, 10.0, 1e-3)
    """Strength of each of `TERMS` towards its expectation, which is 0 but for MACs and weights."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """Strengths of the shrinkage, chosen on families left out."""

    shrinkage: float
    """Strength of classes towards their mean."""
    trust: float
    """Factor on the strengths of the prior."""


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

    def predict(self, samples: Sequence[LatencySample]) -> Floats:
        """Milliseconds of the samples' networks on the reference harness."""
        return self.ms(np.array([sample.work for sample in samples]))


HUBER = 0.15
"""Relative error above which a sample counts less."""
ON_CHIP_MB = 1.0
"""MB that a kernel reads and writes beyond this are spilled; fixed, as networks hardly tell it."""
LEAST = (0.02, 0.3, 0.3, 0.02, 0.02)
"""Least cost of a class without other knowledge: for MACs and weights a share of the trivial
model's costs, for the others such that a typical network spends this share of its time on it."""


def prior_of(samples: Sequence[LatencySample]) -> Prior:
    """Prior from the samples' own trivial model, with the commonest harness as reference."""
    counts = Counter(sorted(sample.harness for sample in samples))
    reference = counts.most_common(1)[0][0]
    others = dict.fromkeys(counts.keys() - {reference}, 1.0)
    blank = Prior(0, 0, others, frozenset({reference}), (0,) * len(TERMS), 0, harness_sd=0.3)
    ms = on_reference(samples, blank)
    totals = np.array([sample.work.sum(0) for sample in samples])
    typical_us, amount = 1000 * float(np.median(ms)), np.median(totals, axis=0)
    amount[TERMS.index("us_per_spilled_mb")] = amount[TERMS.index("us_per_activation_mb")]
    whole = typical_us / np.maximum(amount, 1e-9)
    # a coefficient that the trivial model sets to zero still gets a share of the time
    trivial_us = 1000 * fit_trivial(samples, ms)[1:]
    whole[1:3] = np.maximum(trivial_us, 0.05 * whole[1:3])
    return replace(
        blank,
        us_per_mmac=float(whole[1]),
        us_per_weight_mb=float(whole[2]),
        floor_us=tuple((whole * LEAST).tolist()),
        floor_ms=typical_us / 1e5,
    )


def work_of(
    network: Iterable[Kernel],
    on_chip_mb: float = ON_CHIP_MB,
    factor: Callable[[Kernel], float] = lambda _: 1.0,
) -> Floats:
    """Work of a network's kernels, each multiplied by its factor, summed by class.

    Shapes: (classes, terms).
    """
    total = np.zeros((len(CLASSES), len(TERMS)))
    for kernel in network:
        if kernel.cls not in CLASSES:
            raise ValueError(f"{kernel.op.name}: {kernel.op.kind} has no kernel class")
        total[CLASSES.index(kernel.cls)] += factor(kernel) * np.array(kernel.work(on_chip_mb))
    return total


def harness_factors(samples: Sequence[LatencySample], prior: Prior) -> dict[str, float]:
    """Factor of each harness over the reference, from networks that several harnesses measured."""
    network, harness = (
        np.array([getattr(s, key) for s in samples]) for key in ("network", "harness")
    )
    ms, weight = (np.array([getattr(s, key) for s in samples]) for key in ("ms", "weight"))
    networks, fitted = np.unique(network), sorted({*harness.tolist()} - prior.reference)
    expected = [prior.harnesses[name] for name in fitted]
    of_sample = np.hstack([network[:, None] == networks, harness[:, None] == np.array(fitted, str)])
    to_prior = np.eye(len(fitted), of_sample.shape[1], len(networks)) / prior.harness_sd
    rows = np.vstack([of_sample * (weight / 0.05)[:, None], to_prior])
    targets = [np.log(ms) * weight / 0.05, np.log(expected) / prior.harness_sd]
    solution = np.linalg.lstsq(rows, np.concatenate(targets), rcond=None)[0]
    factors = dict.fromkeys(prior.reference, 1.0)
    return factors | dict(zip(fitted, np.exp(solution[len(networks) :]).tolist(), strict=True))


def fit(samples: Sequence[LatencySample], ms: Floats, settings: FitSettings, prior: Prior) -> Costs:
    """Costs fitted to samples. Shapes: ms (n,), as the reference harness would measure."""
    work = np.array([sample.work for sample in samples]) / 1000
    weight = np.array([sample.weight for sample in samples])
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
    """Penalty rows: each class's term equals its mean, weighted by its share of latency."""
    n_classes, n_terms = share.shape
    # a class without data still follows its mean
    share = np.maximum(share, 1e-3 * share.max(0) + 1e-9)
    shrinkages = [[0.03 if cls in OWN_CLASSES else shrinkage] for cls in CLASSES]
    strength = np.diag((share * np.sqrt(shrinkages)).ravel())
    means = np.tile(np.eye(n_terms), (n_classes, 1))
    return np.hstack([np.zeros((len(strength), 1)), -strength @ means, strength])


def fit_trivial(samples: Sequence[LatencySample], ms: Floats) -> Floats:
    """The model to beat, fitted likewise: fixed ms, ms per mega-MAC, ms per MB of weights."""
    weight = np.array([sample.weight for sample in samples])
    return robust_nnls(trivial_work(samples), ms, weight, huber=HUBER)


def trivial_work(samples: Sequence[LatencySample]) -> Floats:
    """1, mega-MACs and MB of weights of each sample's network. Shapes: (n, 3)."""
    mmacs, weight_mb = TERMS.index("us_per_mmac"), TERMS.index("us_per_weight_mb")
    totals = [sample.work.sum(0) for sample in samples]
    return np.array([(1.0, total[mmacs], total[weight_mb]) for total in totals])


def on_reference(samples: Sequence[LatencySample], prior: Prior) -> Floats:
    """Milliseconds of the samples, as the reference harness would measure."""
    factors = harness_factors(samples, prior)
    return np.array([sample.ms / factors[sample.harness] for sample in samples])
