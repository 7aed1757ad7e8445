"""The Gaussian process: its gradient, and scikit-learn's as an oracle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from nas.optimize.strategies import choice_process as own
from nas.optimize.strategies.choice_process import PRIORS, ChoicePoints, ChoiceProcess, fit
from nas.space.columns import Floats

POSITIONS, VALUES = 6, 3


def points(n: int, seed: int, features: int = 2) -> ChoicePoints:
    """Random networks of six choices with three values each."""
    rng = np.random.default_rng(seed)
    chosen = np.eye(VALUES)[rng.integers(VALUES, size=(n, POSITIONS))].reshape(n, -1)
    return ChoicePoints(chosen, rng.normal(size=(n, features)))


def scored(at: ChoicePoints, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    scores: Floats = at.chosen @ rng.normal(size=at.chosen.shape[1]) + at.features.sum(axis=1)
    return 70 + scores


@pytest.mark.parametrize("seed", range(5))
def test_gradient_is_that_of_finite_differences(seed: int) -> None:
    at = points(12, seed)
    scores = scored(at)
    target = (scores - scores.mean()) / scores.std()
    prior = PRIORS[seed % len(PRIORS)]
    logs = prior[0] + np.random.default_rng(seed).normal(size=len(prior[0]))
    similarities = own._similarities(at, at)
    numeric = approx_fprime(logs, lambda x: own._loss(x, similarities, target, *prior)[0], 1e-7)
    assert own._loss(logs, similarities, target, *prior)[1] == pytest.approx(
        numeric, rel=1e-3, abs=1e-4
    )


def test_fitting_lowers_the_loss() -> None:
    at = points(40, 1)
    scores = scored(at)
    target, similarities = (scores - scores.mean()) / scores.std(), own._similarities(at, at)
    found = fit(at, scores)
    assert (found > 0).all()
    before = min(own._loss(p[0], similarities, target, *p)[0] for p in PRIORS)
    assert min(own._loss(np.log(found), similarities, target, *p)[0] for p in PRIORS) < before - 1


@pytest.mark.parametrize("scores", [[1e-12] * 12, [0.0] * 11 + [1e9], [70.0, 70.0 + 1e-9] * 6])
def test_scores_that_tell_nothing_are_fitted(scores: list[float]) -> None:
    assert np.isfinite(fit(points(12, 0), np.array(scores))).all()


def scales(**known: float) -> Floats:
    """Of a kernel with these parts alone."""
    found = np.full(len(PRIORS[0][0]), 1e-12)
    for name, value in known.items():
        found[getattr(own, name.upper())] = value
    return found


@pytest.mark.parametrize("part", ["smooth", "power", "linear", "square", "flat"])
def test_posterior_is_that_of_scikit_learn(part: str) -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct

    # the share of choices that agree is an inner product of one-hot rows over their number, so
    # its exponential at rate 2 is a Gaussian kernel of them
    inner = DotProduct(1e-5, "fixed")
    attribute, kernel = {
        "smooth": ("features", RBF(1.0)),
        "flat": ("features", inner),
        "power": ("chosen", RBF(np.sqrt(POSITIONS / 2))),
        "linear": ("chosen", ConstantKernel(1 / POSITIONS) * inner),
        "square": ("chosen", ConstantKernel(1 / POSITIONS**2) * inner**2),
    }[part]
    oracle = GaussianProcessRegressor(
        ConstantKernel(0.7) * kernel + ConstantKernel(0.4),
        alpha=0.05 + own.JITTER,
        optimizer=None,
        normalize_y=True,
    )
    train, test = points(30, 2), points(10, 3)
    scores = scored(train)
    oracle.fit(getattr(train, attribute), scores)
    mean, sd = oracle.predict(getattr(test, attribute), return_std=True)
    known = scales(**{part: 0.7}, constant=0.4, noise=0.05, rate=2.0)
    found = ChoiceProcess.of(train, scores, known).predict(test)
    assert found[0] == pytest.approx(mean, abs=1e-5)
    assert found[1] == pytest.approx(sd, rel=1e-4)


def test_what_was_evaluated_is_known() -> None:
    at = points(20, 4)
    scores = scored(at)
    process = ChoiceProcess.of(at, scores, scales(power=1, rate=1, smooth=1, noise=1e-8))
    mean, sd = process.predict(at)
    assert mean == pytest.approx(scores, abs=1e-3)
    assert (sd < 0.01 * scores.std()).all()
    others = process.predict(points(20, 5))[1]
    assert (others > 10 * sd.max()).all()


def test_equal_scores_and_no_candidates() -> None:
    at = points(10, 6)
    scores = np.full(10, 50.0)
    process = ChoiceProcess.of(at, scores, fit(at, scores))
    mean, sd = process.predict(at)
    assert mean == pytest.approx(scores)
    assert np.isfinite(sd).all()
    none = ChoicePoints(at.chosen[:0], at.features[:0])
    assert [len(part) for part in process.predict(none)] == [0, 0]
