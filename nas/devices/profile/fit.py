"""Costs from measured parts of networks: a sum over kernel classes, times a factor of the shape.

The sum is non-negative least squares in relative error. What it leaves over is explained by a
Gaussian process over the kernels' shapes; a sample is a sum over its kernels, hence linear in the
process, and its posterior is closed form (Rasmussen and Williams 2006, section 8.3.1, subset of
regressors). Last, what brings sums to whole networks (`nas.latency.correction`), from networks that
the sums' models never saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nas.devices.profile.load import Load
from nas.gp import weight_covariance
from nas.latency.correction import NetworkCorrection, fit_correction
from nas.latency.files import TERMS
from nas.latency.fit.calibrate import Costs
from nas.latency.fit.robust import robust_nnls
from nas.latency.kernels import CLASSES
from nas.latency.residual import HIGH, LOW, KernelPoints, Residual
from nas.space.columns import Floats

ON_CHIP_MB = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
AMPLITUDES = (0.025, 0.05, 0.1, 0.2, 0.4)
"""Candidate standard deviations of the residual factors around 1."""
OF_KIND = 2.0
"""The same for all kernels of a kind together."""
NOISE, NOISE_WHOLE = 0.03, 0.02
"""Relative noise of a perfectly measured part, whose surroundings differ, and of a network."""
COLD_SHARE = 0.1
"""Share of its time that a whole network is expected to spend extra on each cost."""
LEAST_SHARE = 1e-3
"""Lowest share of its time that a sample is expected to spend on each of its costs."""
LEAST = 0.02
"""Lowest cost of a class, as a share of the expected one: no op is free."""
TINY = 1e-6
"""Microseconds of a cost that no sample has."""
UNLIKE = 1.0
"""Prior relative spread of a cost over the classes."""
PASSES = 3
"""Alternations between fits of the costs and of the residual."""
HUBER = 0.15
"""Relative error beyond which a sample counts less."""
FOLDS = 4
"""Folds of the whole networks, each predicted from the others."""
GUESS_US = (3.0, 10.0, 30.0, 50.0, 10.0)
"""Prior costs of every class."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A measured part of a network, or a whole one."""

    load: Load
    ms: float
    sd: float = 0.0
    """Relative standard deviation of the measurement."""
    whole: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ProfileModel:
    """Costs and residual fitted to the parts and networks of a machine."""

    costs: Costs
    ends_us: Floats
    """(2,) microseconds per MB of a part's input and output."""
    cold_us: Floats
    """(terms,) extra cost of a kernel in a whole network, where the caches are cold."""
    on_chip_mb: float
    residual: Residual
    amplitude: float = AMPLITUDES[-1]
    """Amplitude of the residual."""

    def ms(self, loads: Sequence[Load]) -> Floats:
        """Predict the milliseconds of parts. Shapes: (n,)."""
        return np.array([self._ms(load) for load in loads])

    def _ms(self, load: Load) -> float:
        us = self.kernel_us(load) @ self.factors(load) + load.ends_mb @ self.ends_us
        return float(self.costs.fixed_ms + us / 1000)

    def factors(self, load: Load) -> Floats:
        """Return the residual's factor of each kernel. Shapes: (K,)."""
        if not self.residual.points:
            return np.ones(len(load.kinds))
        weights = np.concatenate(list(self.residual.weights.values()))
        found: Floats = np.clip(1 + load.similarity(self.residual.points) @ weights, LOW, HIGH)
        return found

    def kernel_us(self, load: Load) -> Floats:
        """Return the microseconds of each kernel without the residual. Shapes: (K,)."""
        each: Floats = (load.work(self.on_chip_mb) * self.costs.us[load.classes]).sum(1)
        return each

    @property
    def cold(self) -> ProfileModel:
        """The model of whole networks, with cold caches."""
        costs = Costs(self.costs.fixed_ms, self.costs.us + self.cold_us)
        return replace(self, costs=costs, cold_us=np.zeros_like(self.cold_us))

    def for_networks(self, ends_mb: Floats) -> ProfileModel:
        """Return the model of whole networks, whose input and output are a fixed cost."""
        cold = self.cold
        fixed_ms = cold.costs.fixed_ms + float(ends_mb @ cold.ends_us) / 1000
        return replace(cold, costs=Costs(fixed_ms, cold.costs.us), ends_us=np.zeros(2))


def first_guess() -> ProfileModel:
    """Return the model before any measurement."""
    us, none = np.tile(GUESS_US, (len(CLASSES), 1)), np.zeros(len(TERMS))
    return ProfileModel(Costs(0.01, us), np.full(2, 10.0), none, ON_CHIP_MB[2], Residual())


def fit_costs(samples: Sequence[Sample], points: Mapping[str, KernelPoints]) -> ProfileModel:
    """Fit the model to samples."""
    factors = [np.ones(len(sample.load.kinds)) for sample in samples]
    for _ in range(PASSES):
        fits = [_additive(samples, factors, on_chip_mb) for on_chip_mb in ON_CHIP_MB]
        model = min(fits, key=lambda found: found[1])[0]
        model = _with_residual(samples, model, points) if points else model
        factors = [model.factors(sample.load) for sample in samples]
    return model


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """The model of whole networks, and its correction."""

    model: ProfileModel
    """Of sums over their kernels."""
    correction: NetworkCorrection
    """From those sums to networks."""
    crossed_ms: Floats
    """Of each whole network of the fit, its sum by a model that never saw it."""


def fit_networks(samples: Sequence[Sample], points: Mapping[str, KernelPoints]) -> Networks:
    """The model of whole networks, and what brings its sums to them."""
    whole = [sample for sample in samples if sample.whole]
    parts = [sample for sample in samples if not sample.whole]
    ends = np.median([sample.load.ends_mb for sample in whole or samples], axis=0)
    sums = np.zeros(len(whole))
    for fold in range(min(FOLDS, len(whole))):
        others = [sample for i, sample in enumerate(whole) if i % FOLDS != fold]
        own = fit_costs([*parts, *others], points).for_networks(ends)
        sums[fold::FOLDS] = own.ms([sample.load for sample in whole[fold::FOLDS]])
    model = fit_costs(samples, points).for_networks(ends)
    return Networks(model, fit_correction(sums, [sample.ms for sample in whole]), sums)


def _additive(
    samples: Sequence[Sample], factors: Sequence[Floats], on_chip_mb: float
) -> tuple[ProfileModel, float]:
    """Fit costs shared by all classes, then those of each class near them; return the error too."""
    ms, sd = _measured(samples)
    each = zip(samples, factors, strict=True)
    work = np.array([sample.load.summed(on_chip_mb, factor) for sample, factor in each])
    ends = np.array([[1.0, *sample.load.ends_mb] for sample in samples])
    cold = work.sum(1) * np.array([[sample.whole] for sample in samples])
    shared, split = np.hstack([ends, cold]) / ms[:, None] / 1000, len(ends.T) + len(TERMS)

    alike = np.hstack([shared, work.sum(1) / ms[:, None] / 1000])
    typical = np.sqrt((alike**2).mean(0))
    whole = np.divide(1, typical, out=np.zeros_like(typical), where=typical > 0)
    spread = np.full_like(whole, np.inf)
    least = LEAST_SHARE * whole
    least[len(ends.T) : split] = 0
    spread[len(ends.T) : split] = COLD_SHARE * whole[len(ends.T) : split]
    mean = np.maximum(_non_negative(alike, sd, least, spread), LEAST_SHARE * whole)

    expected = np.concatenate([least[:split], np.tile(mean[split:], len(CLASSES))])
    spread = np.concatenate([spread[:split], np.tile(UNLIKE * mean[split:], len(CLASSES))])
    share = np.hstack([shared, work.reshape(len(ms), -1) / ms[:, None] / 1000])
    found = _non_negative(share, sd, expected, spread)
    fixed, ends_us, cold_us, us = np.split(found, [1, len(ends.T), split])
    us = np.maximum(us, TINY).reshape(len(CLASSES), len(TERMS))
    costs = Costs(float(fixed[0]) / 1000, us)
    error = np.minimum(np.abs(share @ found - 1), 2 * HUBER)
    return ProfileModel(costs, ends_us, cold_us, on_chip_mb, Residual()), float(
        np.average(error, weights=1 / sd)
    )


def _non_negative(share: Floats, sd: Floats, expected: Floats, spread: Floats) -> Floats:
    """Costs above `LEAST` of what is expected, that add up to 1. Shapes: share (n, p), sd (n,)."""
    prior = np.diag(1 / np.where(spread > 0, spread, 1.0))
    wanted = prior @ np.where(np.isinf(spread), 0, expected)
    return robust_nnls(
        share,
        np.ones(len(sd)),
        1 / sd,
        huber=HUBER,
        floor=LEAST * expected,
        penalty=(prior, wanted),
    )


def _measured(samples: Sequence[Sample]) -> tuple[Floats, Floats]:
    """Milliseconds and their relative standard deviation."""
    own = [NOISE_WHOLE if sample.whole else NOISE for sample in samples]
    return (
        np.array([sample.ms for sample in samples]),
        np.hypot(own, [sample.sd for sample in samples]),
    )


def _with_residual(
    samples: Sequence[Sample], additive: ProfileModel, points: Mapping[str, KernelPoints]
) -> ProfileModel:
    """Add the residual that best explains samples left out one at a time."""
    ms, sd = _measured(samples)
    models = [additive.cold if sample.whole else additive for sample in samples]
    each = [(model, sample.load) for model, sample in zip(models, samples, strict=True)]
    predicted = np.concatenate([model.ms([load]) for model, load in each])
    left = np.clip(1 - predicted / ms, -1, 1) / sd
    seen = np.array([reach(model, load, points) for model, load in each]) / (ms * sd)[:, None]
    best, least = additive, np.inf
    for amplitude in AMPLITUDES:
        spread = covariance(seen, points, amplitude)
        weights = spread @ (seen.T @ left)
        own = np.einsum("nm,mk,nk->n", seen, spread, seen, optimize=True)
        alone = (left - seen @ weights) / np.maximum(1 - own, 1e-3) * sd
        error = float(np.mean(np.minimum(np.abs(alone), 2 * HUBER)))
        if error < least:
            cuts = np.cumsum([len(points_.kinds) for points_ in points.values()])[:-1]
            residual = Residual(points, dict(zip(points, np.split(weights, cuts), strict=True)))
            best, least = replace(additive, residual=residual, amplitude=amplitude), error
    return best


def reach(model: ProfileModel, load: Load, points: Mapping[str, KernelPoints]) -> Floats:
    """Return the milliseconds that a weight of 1 of each point adds. Shapes: (m,)."""
    added: Floats = model.kernel_us(load) @ load.similarity(points) / 1000
    return added


def covariance(seen: Floats, points: Mapping[str, KernelPoints], amplitude: float) -> Floats:
    """(m, m) posterior of the weights. Shapes: seen (n, m), over its standard deviation."""
    from scipy.linalg import block_diag

    before = block_diag(*(_precision(own, amplitude) for own in points.values()))
    return weight_covariance(seen, before)


def _precision(points: KernelPoints, amplitude: float) -> Floats:
    """(m, m) of the weights before anything is measured."""
    shaped = ~points.of_kinds
    similarity = points.similarity(points.kinds, np.nan_to_num(points.shapes))
    near = (similarity + 1e-6 * np.eye(len(similarity))) / amplitude**2
    found: Floats = np.where(np.outer(shaped, shaped), near, np.diag(~shaped / OF_KIND**2))
    return found
