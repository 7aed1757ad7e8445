"""Timing: the figures are of the network alone, whatever else the machine does."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from time import thread_time

import numpy as np
import pytest

from nas.devices.measure.timing import (
    BURST_CALLS,
    Pace,
    Timing,
    median_interval,
    time_calls,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who waited")


def work(ms: float) -> Callable[[], None]:
    """A call that takes this much of a core."""

    def call() -> None:
        end = thread_time() + ms / 1000
        while thread_time() < end:
            pass

    return call


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


QUICK = Pace(warm_up_s=0.0, burst_s=0.0)
"""Where the figures do not matter."""


def timing(rounds_ms: list[float], waited: float = 0.0) -> Timing:
    return Timing(np.array(rounds_ms), len(rounds_ms), waited)


@linux
def test_figures_are_milliseconds_per_call_and_in_the_order_of_the_calls() -> None:
    small, large = time_calls([work(0.5), work(2.0)], 0.3, rng())
    assert small.ms == pytest.approx(0.5, rel=0.05)
    assert large.ms == pytest.approx(2.0, rel=0.05)
    assert small.runs > large.runs


@pytest.fixture
def shared_core() -> Iterator[None]:
    """This process and a busy one have one core between them."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        busy.kill()
        busy.wait()
        os.sched_setaffinity(0, before)


@linux
@pytest.mark.usefixtures("shared_core")
def test_waiting_for_a_core_is_taken_off_and_reported() -> None:
    (found,) = time_calls([work(5.0)], 0.4, rng())
    assert found.ms == pytest.approx(5.0, rel=0.05)
    assert found.waited > 0.25
    assert "of the time waiting for a core" in found.noise


@linux
@pytest.mark.usefixtures("shared_core")
def test_waiting_of_several_threads_stays_in() -> None:
    (found,) = time_calls([work(5.0)], 0.4, rng(), one_thread=False)
    assert found.ms > 6.0
    assert found.waited == 0.0


def test_every_round_times_every_call_once_in_an_order_that_the_seed_gives() -> None:
    heard: list[str] = []

    def call(name: str) -> Callable[[], None]:
        return lambda: heard.append(name) or work(0.2)()  # type: ignore[func-returns-value]

    time_calls([call(name) for name in "abc"], 0.01, rng(), pace=QUICK)
    expected = rng()
    orders = [
        "".join("abc"[index] for index in expected.permutation(3)) for _ in range(Pace().rounds)
    ]
    assert len(set(orders)) > 2
    burst = 1 + BURST_CALLS[0]
    heard_once = "".join(heard)
    for name in "abc":
        heard_once = heard_once.replace(name * burst, name)
    assert "".join(orders) in heard_once


def test_collection_is_off_while_timing_and_on_again_after() -> None:
    seen: set[bool] = set()
    time_calls([lambda: seen.add(gc.isenabled())], 0.01, rng(), pace=QUICK)
    assert seen == {False}
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        time_calls([lambda: 1 // 0], 0.01, rng(), pace=QUICK)  # type: ignore[list-item, return-value]
    assert gc.isenabled()


def test_unsteady_calls_get_more_rounds_but_end(monkeypatch: pytest.MonkeyPatch) -> None:
    noise, passed_s = rng(), [0.0]

    def call() -> None:
        passed_s[0] += float(noise.uniform(0.001, 0.009))

    module = "nas.devices.measure.timing"
    monkeypatch.setattr(f"{module}.perf_counter", lambda: passed_s[0])
    monkeypatch.setattr(f"{module}.perf_counter_ns", lambda: round(passed_s[0] * 1e9))
    monkeypatch.setattr(f"{module}._waited_ns", lambda: 0)
    (found,) = time_calls([call], 0.2, rng(), pace=QUICK)
    assert 0.2 * Pace().at_most < passed_s[0] < 0.2 * Pace().at_most + 1
    assert found.width > 0.02


def test_progress_rises_to_all() -> None:
    shares: list[float] = []
    time_calls([work(0.1)], 0.05, rng(), pace=QUICK, on_share=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_statistics_are_over_rounds() -> None:
    found = timing([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (found.ms, found.ms_fast) == (3.0, pytest.approx(1.4))


@pytest.mark.parametrize("rounds", [12, 15, 40, 101])
def test_interval_of_the_median_holds_as_often_as_it_says(rounds: int) -> None:
    draws = rng().lognormal(size=(2000, rounds))  # true median 1
    held = [low <= 1 <= high for low, high in map(median_interval, draws)]
    assert 0.88 < np.mean(held) < 0.99  # 3 standard deviations below 0.90; discrete above


def test_quiet_rounds_are_not_flagged() -> None:
    assert timing([1.0, 1.001] * 20).noise == ""


@pytest.mark.parametrize(
    ("found", "noise"),
    [
        (timing([1.0] * 20 + [1.1] * 20), "drifted by +10%"),
        (timing([1.0, 2.0] * 20), "interval"),
        (timing([1.0] * 20, waited=0.5), "busy machine, 50% of the time waiting for a core"),
    ],
)
def test_noise_is_named(found: Timing, noise: str) -> None:
    assert noise in found.noise


def test_where_all_was_waiting_nothing_is_sure() -> None:
    found = timing([0.0] * 6 + [1.0] * 6, 0.9)
    assert "drifted by +inf%" in found.noise
    assert timing([0.0] * 12, 1.0).width == float("inf")
