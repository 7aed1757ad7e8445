"""Optimism of a search's winner: without correction it shows, with correction it does not."""

from __future__ import annotations

import pytest

from nas.evaluate.bench.optimism import Optimism, optimism, winner
from nas.files.resources import BENCH_DEVICE

SEARCHES = 12


@pytest.fixture(scope="module")
def accel() -> Optimism:
    return optimism("accel-nasbench", SEARCHES)


def test_the_winner_is_estimated_too_high_and_correction_mends_it(accel: Optimism) -> None:
    assert accel.estimated.points > 0.5
    assert accel.estimated.over > 0.7
    assert abs(accel.corrected.points) < 0.6 * accel.estimated.points
    assert accel.corrected.covered > 0.7


def test_a_row_has_both_estimates(accel: Optimism) -> None:
    row = accel.row()
    assert (row["benchmark"], row["searches"]) == ("accel-nasbench", SEARCHES)
    assert row["estimated_points"] == pytest.approx(accel.estimated.points, abs=1e-4)
    assert row["corrected_covered"] == pytest.approx(accel.corrected.covered, abs=1e-4)


def test_a_seed_decides_the_winner() -> None:
    first, again, other = (winner("ofa-mobilenetv3", BENCH_DEVICE, seed) for seed in (1, 1, 2))
    assert first == again != other
