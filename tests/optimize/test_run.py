"""The main job: a hard budget, reproducible, and the winner is what it was priced as."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import nas
from nas.accuracy.selection import Selection
from nas.errors import BudgetError, InfeasibleError, UnknownNameError
from nas.files.resources import named
from nas.optimize import EvolutionSettings, SearchResult
from nas.optimize.winner import corrected

QUICK = EvolutionSettings(generations=8, children=300)


@pytest.fixture(scope="module")
def result() -> SearchResult:
    return nas.search("mobilenetv3", "iphone12-lut", budget_ms=1.0, settings=QUICK)


def test_everything_reported_is_within_the_budget(result: SearchResult) -> None:
    assert result.best is result.pareto[-1]
    for found in result.pareto:
        assert found.ms <= result.budget_ms
        assert result.space.contains(found.arch)
        assert found.ms_low < found.ms < found.ms_high


def test_the_front_rises(result: SearchResult) -> None:
    bounds = [found.uncorrected.low for found in result.pareto]
    assert bounds == sorted(bounds)
    assert [found.ms for found in result.pareto] == sorted(found.ms for found in result.pareto)


def test_the_best_is_no_worse_than_any_seed_within_the_budget(result: SearchResult) -> None:
    best = result.best.uncorrected.low
    assert {seed.arch.name for seed in result.known} == {"mobilenetv3-large", "mobilenetv3-small"}
    for seed in result.known:
        assert seed.ms > result.budget_ms or seed.top1 - seed.top1_sd <= best + 1e-9


def test_same_seed_same_result(result: SearchResult) -> None:
    again = nas.search("mobilenetv3", "iphone12-lut", budget_ms=1.0, settings=QUICK)
    assert [c.arch.arch_id for c in again.pareto] == [c.arch.arch_id for c in result.pareto]


def test_the_best_is_written_and_read(result: SearchResult, tmp_path) -> None:
    result.best.to_yaml(tmp_path / "best.yaml")
    again = nas.load_arch(tmp_path / "best.yaml")
    assert again == result.best.arch
    assert nas.load_device("iphone12-lut").predict(again).ms == pytest.approx(result.best.ms)


def test_an_infeasible_budget_names_the_fastest_network() -> None:
    with pytest.raises(InfeasibleError, match=r"the fastest is predicted at 0\.\d+ ms") as error:
        nas.search("mobilenetv3", "iphone12-lut", budget_ms=0.1)
    smallest = nas.load_device("iphone12-lut").predict(error.value.arch).ms
    assert smallest == pytest.approx(error.value.smallest)
    # just above the smallest latency there is a network, just below it there is none
    found = nas.search("mobilenetv3", "iphone12-lut", budget_ms=smallest + 1e-6, settings=QUICK)
    assert found.best.ms <= smallest + 1e-6
    with pytest.raises(InfeasibleError):
        nas.search("mobilenetv3", "iphone12-lut", budget_ms=smallest - 1e-6)


def test_at_a_confidence_the_bound_meets_the_budget(result: SearchResult) -> None:
    # every network of the space has hard-swish, which may leave the accelerator
    sure = nas.search("mobilenetv3", "iphone12-lut", budget_ms=1.8, confidence=0.9, settings=QUICK)
    ratio = sure.device.at_confidence(0.9, leaves=True)
    assert sure.held_ms == pytest.approx(1.8 / ratio)
    assert sure.held_ms < result.held_ms
    for found in sure.pareto:
        assert found.ms * ratio <= 1.8 + 1e-12
        assert sure.probability(found) >= 0.9 - 1e-9
    # half of the networks at the budget's edge are over it, which is what the flag is for
    assert result.held_ms == result.budget_ms
    assert result.probability(result.best) == pytest.approx(0.5, abs=0.1)
    assert sure.best.uncorrected.top1 < result.best.uncorrected.top1


def test_a_budget_that_is_feasible_may_not_be_at_a_confidence() -> None:
    device = nas.load_device("iphone12-lut")
    with pytest.raises(InfeasibleError) as error:
        nas.search("mobilenetv3", device, budget_ms=0.1)
    least_ms = error.value.smallest
    with pytest.raises(InfeasibleError, match="its bound at that confidence is") as error:
        nas.search("mobilenetv3", device, budget_ms=least_ms + 1e-6, confidence=0.9)
    bound_ms = least_ms * device.at_confidence(0.9, leaves=True)
    assert error.value.smallest == pytest.approx(bound_ms)
    found = nas.search(
        "mobilenetv3", device, budget_ms=bound_ms + 1e-6, confidence=0.9, settings=QUICK
    )
    assert found.best.ms == pytest.approx(least_ms, rel=1e-4)


@pytest.mark.parametrize("budget_ms", [0.0, -1.0, math.nan, math.inf])
def test_a_budget_that_is_no_positive_number_is_refused(budget_ms: float) -> None:
    with pytest.raises(BudgetError, match="expected a budget above 0 ms"):
        nas.search("mobilenetv3", "iphone12-lut", budget_ms=budget_ms)


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="nearest: .*iphone12-lut"):
        nas.search("mobile", "iphone12", budget_ms=1.0)
    with pytest.raises(UnknownNameError, match="nearest: .*mobilenetv3"):
        nas.search("mobilenet", "iphone12-lut", budget_ms=1.0)


def test_in_a_notebook_the_front_is_a_table_and_a_frame(result: SearchResult) -> None:
    front, seeds = result.pareto_frame(), result.known_frame()
    assert [*front["arch_id"]] == [found.arch.arch_id for found in result.pareto]
    assert front["predicted_ms"].is_monotonic_increasing
    assert [*seeds["name"]] == [found.arch.name for found in result.known]
    shown = result._repr_html_()
    assert shown.count("<tr>") == 1 + len(result.pareto)
    assert shown.index(result.best.arch.name) < shown.index(result.pareto[0].arch.name)
    assert len(repr(result)) < 300
    assert "estimated" in repr(result.best)


def test_progress_rises_to_the_end() -> None:
    heard: list[float] = []
    named: dict[str, float] = {}

    def listen(step: str, share: float) -> None:
        heard.append(share)
        named.setdefault(step, share)

    nas.search("repvit", budget_ms=1.0, settings=QUICK, on_progress=listen)
    assert heard == sorted(heard)
    assert 0.9 < heard[-1] <= 1
    before = ["pricing latency", "finding known networks", "estimating accuracy"]
    assert [*named] == [*before, "searching", "recombining the best"]
    assert 0.3 < named["searching"] < 0.6  # about half of the time is over


def test_what_a_search_found_is_corrected_and_what_is_known_is_not(result: SearchResult) -> None:
    for found in result.pareto:
        if (own := found.corrected) is None:
            assert found.arch.name in named("architecture")
            continue
        assert own.top1 == found.top1 <= own.uncorrected.top1
        assert own.low < own.top1 < own.high
        if best := found.best_published:  # None for networks smaller than all published ones
            assert found.top1 <= best.top1 + 1e-9
        estimate = result.surrogate.predict(found.arch)
        assert found.uncorrected == pytest.approx(estimate)
    assert result.best.top1 < result.best.uncorrected.top1
    assert all(known.corrected is None for known in result.known)
    text = result.best.supervised_text
    assert re.fullmatch(
        r"[\d.]+ \[[\d.]+, [\d.]+\] %, estimated; best published of this size: .+ [\d.]+", text
    )


def test_a_known_network_that_wins_keeps_its_estimate(result: SearchResult) -> None:
    (large,) = (c for c in result.known if c.arch.name == "mobilenetv3-large")
    selection = Selection.of(result.surrogate, np.array([70.0, 74.0]), 1000)
    assert corrected(large, selection, result.surrogate) is large
