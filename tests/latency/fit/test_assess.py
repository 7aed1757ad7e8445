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
    interval_scores,
    intervals,
    left_out_spans,
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


def sample(network: str, ms: float, harness: str, leaves: bool = False) -> LatencySample:
    return LatencySample(network, "f", np.zeros((1, 1)), ms, harness, 1.0, leaves)


def test_a_network_is_evaluated_once_and_by_the_reference() -> None:
    figures = [sample("a", *each) for each in ((1.0, "lab"), (1.2, "lab"), (9.0, "other"))]
    factors = {"lab": 1.0, "other": 2.0}
    found = held_out_networks(figures, np.full(3, 1.1), np.full(3, 2.2), factors)
    assert found == [HeldOut("a", "f", 1.1, 1.1, 2.2, 1.1)]
    assert score(found)["median_error_pct"] == 0
    assert score(found)["trivial_median_error_pct"] == 100


def test_the_factor_of_another_harness_counts_in_intervals_alone() -> None:
    figures = [sample("a", 2.4, "other", leaves=True), sample("b", 2.0, "unknown")]
    found = held_out_networks(figures, np.full(2, 2.0), np.full(2, 2.0), {"other": 1.2})
    assert [(each.ms, each.reference_ms, each.leaves) for each in found] == [
        (2.4, pytest.approx(2.0), True),
        (2.0, 2.0, False),
    ]
    assert score(found)["mean_error_pct"] == pytest.approx(8.33, abs=0.01)
    spans = np.array([[0.9, 1.1]] * 2)
    assert interval_scores(found, spans)["left_out_in_interval_pct"] == 100


def predicted(name: str, ratios: np.ndarray, *, leaves: bool = False) -> list[HeldOut]:
    """Networks of one family, by their ratio of measured to predicted milliseconds."""
    own = enumerate(ratios.tolist())
    return [HeldOut(f"{name}{i}", name, r, 1.0, 1.0, r, leaves) for i, r in own]


def test_coverage_across_families_is_of_intervals_that_never_saw_the_family() -> None:
    rng = np.random.default_rng(0)
    near = predicted("a", 1 / rng.normal(1, 0.02, 40))
    far = predicted("b", 1 / rng.normal(2, 0.02, 40))
    found = intervals([*near, *far])["interval"]
    assert found["coverage_pct"] > 85
    assert found["coverage_across_families_pct"] < 30


def test_networks_that_may_leave_the_accelerator_widen_their_interval_alone() -> None:
    rng = np.random.default_rng(1)
    stay = [x for n in range(10) for x in predicted(f"s{n}", rng.lognormal(0, 0.05, 5))]
    leave = [x for n in range(4) for x in predicted(f"l{n}", rng.uniform(1, 3, 5), leaves=True)]
    alone, found = intervals(stay), intervals([*stay, *leave])
    assert list(alone) == ["interval"]
    for key in ("low_ratio", "high_ratio"):
        assert found["interval"][key] == alone["interval"][key]
    assert found["interval_leaving"]["low_ratio"] == found["interval"]["low_ratio"]
    assert found["interval_leaving"]["high_ratio"] > 2.5 > 1.2 > found["interval"]["high_ratio"]
    for own in found.values():
        assert own["coverage_pct"] >= 90


def test_networks_that_leave_without_harm_have_the_interval_of_the_others() -> None:
    rng = np.random.default_rng(2)
    stay = [x for n in range(10) for x in predicted(f"s{n}", rng.lognormal(0, 0.1, 5))]
    leave = [x for n in range(9) for x in predicted(f"l{n}", np.ones(3), leaves=True)]
    found = intervals([*stay, *leave])
    assert found["interval_leaving"]["high_ratio"] == found["interval"]["high_ratio"]


def test_networks_that_all_may_leave_have_one_interval() -> None:
    leave = predicted("a", np.array([1.0, 1.5, 2.0]), leaves=True)
    stay = predicted("b", np.array([1.0, 1.1]))
    assert list(intervals(leave)) == ["interval"]
    assert left_out_spans([*leave, *stay]).shape == (5, 2)


def test_the_score_of_an_interval_is_its_width_and_what_lies_outside() -> None:
    found = interval_scores(predicted("a", np.array([1.0, 1.3])), np.array([[0.9, 1.2]] * 2))
    # 30 % wide; the second network lies 10 % of the estimate outside, times 2 / (1 - 0.9)
    assert found["left_out_in_interval_pct"] == 50
    assert found["interval_width_pct"] == pytest.approx(30)
    assert found["interval_score_pct"] == pytest.approx(30 + 20 * 10 / 2)
