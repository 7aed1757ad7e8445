"""Errors against closed forms, and intervals that hold as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from nas.latency.fit.assess import (
    HeldOut,
    bounds,
    conformal,
    errors,
    held_out_networks,
    interval,
    score,
)
from nas.latency.fit.calibrate import LatencySample


def test_errors_are_shares_of_what_was_measured() -> None:
    found = errors(np.array([1.1, 2.0, 3.3, 8.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert found["median_error_pct"] == pytest.approx(10)
    assert found["mean_error_pct"] == pytest.approx(30)
    assert found["within_5_pct"] == 25
    assert found["within_20_pct"] == 75
    assert found["spearman"] == 1


def test_one_network_has_no_rank() -> None:
    assert "spearman" not in errors(np.ones(1), np.ones(1))


def test_an_interval_covers_what_it_claims() -> None:
    rng = np.random.default_rng(6)
    for n in (8, 60):
        covered = []
        for _ in range(200):
            low, high = conformal(rng.lognormal(0, 0.1, n), 0.9)
            covered.append(np.mean([low <= r <= high for r in rng.lognormal(0, 0.1, 200)]))
        assert 0.87 < np.mean(covered) < 0.96


def test_bounds_cover_what_they_claim_of_families_never_seen() -> None:
    rng = np.random.default_rng(3)
    families = np.repeat(np.arange(12), 5)
    narrow, held = [], []
    for _ in range(150):
        of_family = rng.normal(0, 0.1, 13)
        ratios = np.exp(of_family[families] + rng.normal(0, 0.03, 60))
        new = np.exp(of_family[12] + rng.normal(0, 0.03, 200))
        for found, (low, high) in (
            (narrow, conformal(ratios, 0.9)),
            (held, bounds(ratios, families, 0.9)),
        ):
            found.append(np.mean((low <= new) & (new <= high)))
    assert np.mean(narrow) < 0.86 < np.mean(held) < 0.94


def test_families_that_err_alike_hardly_widen_the_bounds() -> None:
    ratios = np.random.default_rng(4).lognormal(0, 0.1, 300)
    low, high = conformal(ratios, 0.9)
    a, b = bounds(ratios, np.arange(300) % 10, 0.9)
    assert 0.97 * low < a <= low <= high <= b < 1.03 * high


def test_an_interval_holds_the_estimate() -> None:
    low, high = conformal(np.full(40, 1.3), 0.9)
    assert low == 1
    assert high == pytest.approx(1.3)


def test_a_network_is_evaluated_once_and_by_the_reference() -> None:
    figures = [
        LatencySample("a", "f", np.zeros((1, 1)), ms, harness, 1.0)
        for ms, harness in ((1.0, "lab"), (1.2, "lab"), (9.0, "other"))
    ]
    found = held_out_networks(figures, np.full(3, 1.1), np.full(3, 2.2), {"lab"})
    assert found == [HeldOut("a", "f", 1.1, 1.1, 2.2)]
    assert score(found)["median_error_pct"] == 0
    assert score(found)["trivial_median_error_pct"] == 100


def test_coverage_across_families_is_of_intervals_that_never_saw_the_family() -> None:
    rng = np.random.default_rng(0)
    near = [HeldOut(f"a{i}", "a", 1.0, float(x), 1) for i, x in enumerate(rng.normal(1, 0.02, 40))]
    far = [HeldOut(f"b{i}", "b", 1.0, float(x), 1) for i, x in enumerate(rng.normal(2, 0.02, 40))]
    found = interval([*near, *far])
    assert found["coverage_pct"] > 85
    assert found["coverage_across_families_pct"] < 30
