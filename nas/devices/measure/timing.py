"""Times calls side by side on a noisy machine.

A round times every network once, in random order, so that drift affects all alike. It makes an
untimed call, which warms the caches, and then times a burst of calls as one. The round's figure is
the time per call, less the time that the process waited for a core. All statistics are over rounds,
since calls within a burst are not independent.

The reason: with two cores shared by several busy processes, four runs of 12 s over three networks
of 4 to 11 ms agreed within 25 % by their median wall time and within 31 % by its minimum, but
within 1.3 % by the median less waiting (minimum less waiting: 73 %, 10 % quantile: 3 %).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from math import ceil, inf
from pathlib import Path
from time import perf_counter, perf_counter_ns

import numpy as np
from numpy.typing import NDArray

from nas.system.progress import OnShare, ignore

Call = Callable[[], None]

WARM_UP_CALLS = 5
STEADY = 0.05
"""Warm-up ends when two successive bursts of `WARM_UP_CALLS` calls agree to this share."""
WARM_UP_AT_MOST = 20
"""Most bursts of the warm-up, unless its time is not over."""
BURST_CALLS = (3, 10_000)
CONFIDENCE = 0.90
ENOUGH = 0.02
"""No further round is needed once all intervals are narrower than this share of the median."""
NOISY = 0.05
"""Warn above this relative width of an interval, or difference of early and late rounds."""
BUSY = 0.10
"""Warn above this share of time spent waiting for a core: its caches are shared as well."""
BUSY_MACHINE = "busy machine"
"""How such a note begins."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Effort spent on one figure; less where thousands of others support it."""

    warm_up_s: float = 0.3
    burst_s: float = 0.05
    rounds: int = 12
    """Least rounds."""
    at_most: float = 3.0
    """Rounds end after this multiple of the planned time, however wide the intervals are."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Timing of one network, in milliseconds per call."""

    rounds_ms: NDArray[np.float64]
    """Milliseconds of each round, oldest first."""
    runs: int
    """Number of timed calls."""
    waited: float
    """Share of the time spent waiting for a core, which the figures leave out."""

    @property
    def ms(self) -> float:
        """Median over the rounds."""
        return float(np.median(self.rounds_ms))

    @property
    def ms_fast(self) -> float:
        """10 % quantile over the rounds."""
        return float(np.quantile(self.rounds_ms, 0.1))

    @property
    def interval_ms(self) -> tuple[float, float]:
        """Confidence interval of the median."""
        return median_interval(self.rounds_ms)

    @property
    def width(self) -> float:
        """Width of the interval over the median; infinite if all time was waiting."""
        low, high = self.interval_ms
        return (high - low) / self.ms if self.ms else inf

    @property
    def noise(self) -> str:
        """Reasons to distrust the figures; empty if there are none."""
        early, late = (float(np.median(half)) for half in np.array_split(self.rounds_ms, 2))
        found = []
        if self.width > NOISY:
            found.append(f"interval {self.width:.0%} wide")
        if abs(late - early) > NOISY * self.ms:
            found.append(f"drifted by {late / early - 1 if early else inf:+.0%}")
        if self.waited > BUSY:
            found.append(f"{BUSY_MACHINE}, {self.waited:.0%} of the time waiting for a core")
        return "; ".join(found)


def time_calls(
    calls: Sequence[Call],
    seconds: float,
    rng: np.random.Generator,
    *,
    one_thread: bool = True,
    pace: Pace = Pace(),
    on_share: OnShare = ignore,
) -> list[Timing]:
    """Time all calls in interleaved rounds for `seconds` in total, or longer if unsteady.

    Waiting is subtracted only if each call has `one_thread` at work at a time, since several
    threads wait at the same time. `on_share` gets the share of the planned time that is over.
    """
    with _no_collection():
        bursts = [_burst(_warm_up(call, pace.warm_up_s), pace.burst_s) for call in calls]
        rounds: list[list[tuple[float, float]]] = [[] for _ in calls]
        start = perf_counter()
        for done in count(1):
            for index in rng.permutation(len(calls)):
                rounds[index].append(_round(calls[index], bursts[index], one_thread))
            share = (perf_counter() - start) / seconds
            on_share(min(1.0, share))
            if done < pace.rounds or share < 1:
                continue
            timings = [
                _timing(np.asarray(found), burst)
                for found, burst in zip(rounds, bursts, strict=True)
            ]
            if share > pace.at_most or all(timing.width < ENOUGH for timing in timings):
                break
    return timings


def median_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 90 % confidence interval of the median: two order statistics (binomial)."""
    from scipy.stats import binom

    ordered = np.sort(values)
    outside = max(0, int(binom.ppf((1 - CONFIDENCE) / 2, len(ordered), 0.5)) - 1)
    return float(ordered[outside]), float(ordered[-1 - outside])


def _timing(rounds: NDArray[np.float64], burst: int) -> Timing:
    """Summarise rounds, given as `_round` returns them. Shapes: (n, 2)."""
    wall_ms, waited_ms = rounds.T
    share = float(waited_ms.sum() / wall_ms.sum())
    return Timing(wall_ms - waited_ms, burst * len(rounds), share)


def _warm_up(call: Call, least_s: float) -> float:
    """Call until the time per call is steady; return it in milliseconds."""
    start, bursts = perf_counter(), 1
    before, ms = inf, _round(call, WARM_UP_CALLS, False)[0]
    while perf_counter() - start < least_s or (
        abs(ms - before) > STEADY * ms and bursts < WARM_UP_AT_MOST
    ):
        before, ms = ms, _round(call, WARM_UP_CALLS, False)[0]
        bursts += 1
    return ms


def _burst(ms: float, seconds: float) -> int:
    least, most = BURST_CALLS
    return min(most, max(least, ceil(seconds * 1000 / ms)))


def _round(call: Call, burst: int, one_thread: bool) -> tuple[float, float]:
    """Return milliseconds per call, and how many of them were spent waiting for a core."""
    call()
    waited = _waited_ns() if one_thread else 0
    start = perf_counter_ns()
    for _ in range(burst):
        call()
    wall = perf_counter_ns() - start
    waited = _waited_ns() - waited if one_thread else 0
    return wall / burst / 1e6, min(max(0, waited), wall) / burst / 1e6


def _waited_ns() -> int:
    """Return the time this process's threads have waited for a core; 0 unless on Linux."""
    total = 0
    for file in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError):  # the thread has ended
            total += int(file.read_text().split()[1])
    return total


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python's garbage collector out of the bursts."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
