"""Exact search: the best path through the layered space under one latency budget.

If the score is additive over rows, the best network is a longest path with one resource bound, a
mixed-integer program that SciPy's HiGHS solves to proven optimality or up to a gap. Three steps
keep it small: options that cost more and score less are dropped; a Lagrangian sweep gives an upper
bound and a good path (Handler & Zang, Networks 10, 1980); edges that no better path uses are
removed.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nas.space.columns import Floats, Ints
from nas.space.layered import LayeredSpace

SWEEPS = 60
"""Steps of the search for the best multiplier."""
MAX_EDGES, MAX_NODES = 20_000, 2_000
"""Largest program for HiGHS, and its branch-and-bound nodes: they take a second or two."""
TOLERANCE = 1e-6
"""A gap below this, in units of the score, counts as none."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Undominated edges of one layer."""

    source: Ints
    target: Ints
    option: Ints
    ms: Floats
    score: Floats

    def worth(self, price: float) -> Floats:
        """Score of each edge, if a millisecond costs `price` of it."""
        return self.score - price * self.ms

    def keep(self, mask: NDArray[np.bool_]) -> Edges:
        return Edges(*(getattr(self, name)[mask] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Solution:
    """A path with its additive score and latency, and the gap of the score to the best."""

    code: Ints
    ms: float
    score: float
    gap: float
    """Upper bound minus score, in units of the score; 0 is proven optimal."""


def undominated(
    layered: LayeredSpace, ms: Sequence[Floats], score: Sequence[Floats]
) -> list[Edges]:
    """Edges of each layer that no cheaper edge between the same states outscores.

    Shapes: ms and score hold one (S, O) array per layer.
    """
    known: dict[tuple[int, int, bytes], Edges] = {}
    layers = []
    for layer, cost, gain in zip(layered.layers, ms, score, strict=True):
        key = (id(cost), id(gain), layer.next.tobytes())
        if key not in known:
            known[key] = _pareto(layer.next, cost, gain)
        layers.append(known[key])
    return layers


def _pareto(following: NDArray[np.int32], ms: Floats, score: Floats) -> Edges:
    source, option = np.nonzero(following >= 0)
    target = following[source, option].astype(np.int64)
    cost, gain = ms[source, option], score[source, option]
    pair = source * (int(following.max()) + 1) + target
    order = np.lexsort((-gain, cost, pair))
    sorted_gain = gain[order]
    starts = np.flatnonzero(np.diff(pair[order], prepend=-1))
    best = np.empty(len(order))  # best score among cheaper edges of the same pair
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        best[start] = -np.inf
        best[start + 1 : stop] = np.maximum.accumulate(sorted_gain[start : stop - 1])
    kept = order[sorted_gain > best]
    return Edges(source[kept], target[kept], option[kept], cost[kept], gain[kept])


def fastest(layered: LayeredSpace, ms: Sequence[Floats]) -> Solution:
    """Path of least latency; its score is its negative milliseconds."""
    return _longest(layered, undominated(layered, ms, [-cost for cost in ms]), 0.0)


def lowest(layered: LayeredSpace, peaks: Sequence[Floats]) -> Ints:
    """(P,) path whose largest edge is least; peaks are (S, O) per layer."""
    after = np.append(np.zeros(len(layered.ends)), np.inf)  # -1 points to the last
    genes = []
    for layer, own in zip(reversed(layered.layers), reversed(peaks), strict=True):
        largest = np.maximum(own, after[layer.next])
        genes.append(largest.argmin(axis=1))
        after = np.append(largest.min(axis=1), np.inf)
    state, code = 0, []
    for layer, best in zip(layered.layers, reversed(genes), strict=True):
        code.append(best[state])
        state = layer.next[state, best[state]]
    return np.array(code)


def solve(layered: LayeredSpace, edges: list[Edges], budget_ms: float) -> Solution | None:
    """The path of highest score within `budget_ms` (without the fixed part), or None.

    `gap` is 0 if the Lagrangian bound or HiGHS proves optimality. HiGHS is limited by counts
    instead of time, so the answer is the same on every machine.
    """
    best, bound, price = _lagrange(layered, edges, budget_ms)
    if best is None or bound - best.score < TOLERANCE:
        return best and replace(best, gap=0.0)
    # no path better than `best` uses an edge that is removed here
    useful = _useful(layered, edges, price, budget_ms, best.score)
    found, proven = None, np.inf
    if sum(len(e.ms) for e in useful) <= MAX_EDGES:
        found, proven = _milp(layered, useful, budget_ms)
    if found is not None and found.score > best.score:
        best = found
    gap = max(0.0, min(bound, proven) - best.score)
    return replace(best, gap=gap if gap > TOLERANCE else 0.0)


def _lagrange(
    layered: LayeredSpace, edges: list[Edges], budget_ms: float
) -> tuple[Solution | None, float, float]:
    """Best feasible path found, upper bound on the score, and the multiplier of that bound."""
    path = _longest(layered, edges, 0.0)
    if path.ms <= budget_ms:
        return path, path.score, 0.0
    low, high, best = 0.0, 1.0, None
    bound, price = path.score, 0.0
    for _ in range(SWEEPS):
        at = high if best is None else (low + high) / 2
        path = _longest(layered, edges, at)
        relaxed = path.score + at * (budget_ms - path.ms)
        if relaxed < bound:
            bound, price = relaxed, at
        if path.ms > budget_ms:
            low = at
            high = high if best is not None else at * 4
            continue
        high = at
        if best is None or path.score > best.score:
            best = path
    return best, bound, price


def _to_end(layered: LayeredSpace, edges: list[Edges], worths: list[Floats]) -> list[Floats]:
    """Best worth from each state to an end, for each layer and after the last."""
    values = [np.zeros(len(layered.ends))]
    for layer, e, worth in zip(*map(reversed, (layered.layers, edges, worths)), strict=True):
        value = np.full(len(layer.states), -np.inf)
        np.maximum.at(value, e.source, worth + values[-1][e.target])
        values.append(value)
    return values[::-1]


def _longest(layered: LayeredSpace, edges: list[Edges], price: float) -> Solution:
    """Best path if a millisecond costs `price` of score."""
    worths = [own.worth(price) for own in edges]
    values = _to_end(layered, edges, worths)
    chosen = np.zeros(len(edges), np.int64)
    state = 0
    for p, e in enumerate(edges):
        out = np.flatnonzero(e.source == state)
        chosen[p] = out[(worths[p][out] + values[p + 1][e.target[out]]).argmax()]
        state = e.target[chosen[p]]
    return _solution(edges, chosen)


def _solution(edges: list[Edges], chosen: Ints) -> Solution:
    pairs = list(zip(edges, chosen, strict=True))
    code = np.array([e.option[i] for e, i in pairs])
    return Solution(
        code,
        float(sum(e.ms[i] for e, i in pairs)),
        float(sum(e.score[i] for e, i in pairs)),
        np.inf,
    )


def _useful(
    layered: LayeredSpace, edges: list[Edges], price: float, budget_ms: float, score: float
) -> list[Edges]:
    """Edges whose best path could still beat `score`, by the Lagrangian bound."""
    worths = [own.worth(price) for own in edges]
    to_end = _to_end(layered, edges, worths)
    from_start = np.zeros(1)
    kept = []
    for e, worth, after in zip(edges, worths, to_end[1:], strict=True):
        through = from_start[e.source] + worth
        kept.append(e.keep(through + after[e.target] + price * budget_ms > score))
        from_start = np.full(len(after), -np.inf)
        np.maximum.at(from_start, e.target, through)
    return kept


def _milp(
    layered: LayeredSpace, edges: list[Edges], budget_ms: float
) -> tuple[Solution | None, float]:
    """HiGHS: one binary per edge, flow conserved at every state, one budget row.

    Returns the path, or None if none was found, and a proven upper bound.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array, vstack

    sizes = [len(e.ms) for e in edges]
    offsets = np.cumsum([0, *(len(layer.states) for layer in layered.layers), len(layered.ends)])
    leaves = np.concatenate([e.source + at for e, at in zip(edges, offsets, strict=False)])
    enters = np.concatenate([e.target + at for e, at in zip(edges, offsets[1:], strict=False)])
    ms = np.concatenate([e.ms for e in edges])
    score = np.concatenate([e.score for e in edges])
    n, one = len(ms), np.ones(len(ms))
    flow = coo_array(
        (np.r_[one, -one], (np.r_[leaves, enters], np.tile(np.arange(n), 2))),
        shape=(int(offsets[-1]), n),
    ).tocsr()[: int(offsets[-2])]
    supply = np.zeros(flow.shape[0])
    supply[0] = 1  # one unit leaves the first state; states of the last layer end it
    rows = LinearConstraint(
        vstack([flow, ms[None]]), np.r_[supply, -np.inf], np.r_[supply, budget_ms]
    )
    with _stdout_kept():
        result = milp(
            -score,
            integrality=one,
            bounds=Bounds(0, 1),
            constraints=rows,
            options={"node_limit": MAX_NODES, "mip_rel_gap": 1e-9},
        )
    bound = np.inf if result.mip_dual_bound is None else -float(result.mip_dual_bound)
    if result.x is None:
        # infeasible: no path through the useful edges, so none better than the best known
        return None, -np.inf if result.status == 2 else bound
    chosen = np.flatnonzero(result.x > 0.5) - np.cumsum([0, *sizes[:-1]])
    return _solution(edges, chosen), bound


@contextmanager
def _stdout_kept() -> Iterator[None]:
    """Drop messages that HiGHS prints to stdout on its own, among the caller's output."""
    sys.stdout.flush()
    libc = ctypes.CDLL(None) if os.name == "posix" else ctypes.CDLL("msvcrt")
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        libc.fflush(None)  # the messages may still be in the C library's buffer
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
