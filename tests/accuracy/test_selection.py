"""Correction of a selected estimate: what it may do, and that it finds a simulated truth."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.accuracy.selection import Selection
from nas.accuracy.surrogate import AccuracyEstimate

CEILING, FLOOR_SD = 88.0, 0.03


def selection(mean: float, spread: float, candidates: int = 1000) -> Selection:
    return Selection(CEILING, FLOOR_SD, mean, spread, candidates)


estimates = st.builds(AccuracyEstimate, st.floats(10, 87), st.floats(0.01, 20))
selections = st.builds(selection, st.floats(-4.3, 0), st.floats(0, 1))


@given(estimates, selections, st.floats(0, 87.9) | st.just(inf))
def test_correction_never_raises_an_estimate(
    found: AccuracyEstimate, own: Selection, record: float
) -> None:
    corrected = own.corrected(found, record)
    assert corrected.top1 <= min(found.top1, record) + 1e-9
    assert corrected.low <= corrected.top1 <= corrected.high < CEILING
    assert corrected.uncorrected == found


@given(estimates)
def test_correction_of_the_only_candidate_vanishes(found: AccuracyEstimate) -> None:
    own = selection(-np.log(CEILING - found.top1), 0.0, 1)
    assert own.corrected(found).top1 == pytest.approx(found.top1)


@given(estimates, selections)
def test_correction_of_a_certain_estimate_vanishes(found: AccuracyEstimate, own: Selection) -> None:
    known = AccuracyEstimate(found.top1, (CEILING - found.top1) * np.sinh(FLOOR_SD))
    wide = selection(own.mean, own.spread + 0.01)
    assert wide.corrected(known).top1 == pytest.approx(found.top1)


def test_less_certain_estimates_are_corrected_more() -> None:
    own = selection(-np.log(CEILING - 75), 0.2)
    corrected = [own.corrected(AccuracyEstimate(81.0, sd)).top1 for sd in (0.5, 1.0, 2.0)]
    assert corrected == sorted(corrected, reverse=True)


@pytest.mark.parametrize("candidates", [10, 1000])
def test_corrected_winners_are_right_on_average(candidates: int) -> None:
    """Simulated truths whose estimates err: 400 selections, four standard errors of the mean.

    A tenth of a point more is allowed, since the mean score is not the mean top-1.
    """
    rng = np.random.default_rng(0)
    truth_sd, error_sd = 0.2, 0.15
    mean = -np.log(CEILING - 75)
    plain, corrected, covered = [], [], 0
    for _ in range(400):
        truths = rng.normal(mean, truth_sd, candidates)
        scores = truths + rng.normal(0, error_sd, candidates)
        best = int(np.argmax(scores))
        top1 = CEILING - np.exp(-scores)
        sd = np.exp(-scores[best]) * np.sinh(np.hypot(error_sd, FLOOR_SD))
        own = Selection(CEILING, FLOOR_SD, mean, truth_sd, candidates, 1.0, 0.12)
        found = own.corrected(AccuracyEstimate(float(top1[best]), float(sd)))
        truth = CEILING - np.exp(-truths[best])
        plain.append(top1[best] - truth)
        corrected.append(found.top1 - truth)
        covered += found.low <= truth <= found.high
    assert np.mean(plain) > 0.7
    assert abs(np.mean(corrected)) < 4 * np.std(corrected) / 20 + 0.1
    assert covered >= 0.85 * 400


def test_intervals_shrink_to_the_errors_on_families_left_out() -> None:
    found = AccuracyEstimate(79.0, 1.5)
    mean = -np.log(CEILING - 75)
    stated, calibrated, error = (
        Selection(CEILING, FLOOR_SD, mean, 0.2, 1000, *more).corrected(found).sd
        for more in ((1.0,), (0.6,), (1.0, 0.05))
    )
    assert error < calibrated < stated
