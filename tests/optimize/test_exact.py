"""The exact solver against brute force."""

from __future__ import annotations

import ctypes
import sys
from itertools import product

import numpy as np
import pytest

from nas.optimize.exact import _stdout_kept, fastest, lowest, solve, undominated
from nas.space.columns import Floats
from nas.space.layered import LayeredSpace, build
from nas.space.space import Space

TEXT = """
name: small
source: "made for tests"
input: [[3, 16, 16], [3, 32, 32]]
columns: [op, k, exp, out, s, n, repeat]
rows:
  - [conv, 3, ~, [8, 16], 2, 1, ~]
  - [mv2, [3, 5], [2x, 4x], [8, 16, 24], 2, [1, 2, 3], independent]
  - [pool, ~, ~, ~, ~, 1, ~]
  - [linear, ~, ~, 10, ~, 1, ~]
"""


@pytest.fixture(scope="module")
def layered() -> LayeredSpace:
    return build(Space.from_yaml(TEXT).table)


def edge_values(
    layered: LayeredSpace, rng: np.random.Generator
) -> tuple[list[Floats], list[Floats]]:
    """Random milliseconds and scores, the dearer edges on average the better ones."""
    ms = [rng.random(layer.next.shape) for layer in layered.layers]
    return ms, [cost + 0.5 * rng.random(cost.shape) for cost in ms]


def every_path(layered: LayeredSpace, ms: list[Floats], score: list[Floats]) -> np.ndarray:
    """(paths, 2): ms and score of every code that can be built."""
    totals = []
    for code in product(*(range(n) for n in layered.n_options)):
        state, cost, gain = 0, 0.0, 0.0
        for p, (layer, gene) in enumerate(zip(layered.layers, code, strict=True)):
            cost += ms[p][state, gene]
            gain += score[p][state, gene]
            state = layer.next[state, gene]
            if state < 0:
                break
        else:
            totals.append((cost, gain))
    return np.array(totals)


@pytest.mark.parametrize("seed", range(8))
def test_finds_the_best_of_all_paths_at_every_budget(layered: LayeredSpace, seed: int) -> None:
    ms, score = edge_values(layered, np.random.default_rng(seed))
    paths = every_path(layered, ms, score)
    edges = undominated(layered, ms, score)
    for quantile in (0.001, 0.1, 0.5, 1.0):
        budget = np.quantile(paths[:, 0], quantile) + 1e-9
        best = paths[paths[:, 0] <= budget, 1].max()
        found = solve(layered, edges, budget)
        assert found is not None
        assert found.ms <= budget
        assert found.score == pytest.approx(best)
        assert found.gap == 0


def test_a_budget_below_the_fastest_path_has_no_solution(layered: LayeredSpace) -> None:
    ms, score = edge_values(layered, np.random.default_rng(0))
    least = every_path(layered, ms, score)[:, 0].min()
    assert fastest(layered, ms).ms == pytest.approx(least)
    assert solve(layered, undominated(layered, ms, score), least - 1e-6) is None


@pytest.mark.parametrize("seed", range(4))
def test_the_lowest_path_has_the_least_largest_edge(layered: LayeredSpace, seed: int) -> None:
    peaks, _ = edge_values(layered, np.random.default_rng(seed))
    code = lowest(layered, peaks)
    codes = np.array(list(product(*(range(n) for n in layered.n_options))))
    largest = [_largest(layered, peaks, each) for each in codes]
    assert _largest(layered, peaks, code) == min(largest) < np.inf


def _largest(layered: LayeredSpace, values: list[Floats], code: np.ndarray) -> float:
    """Of the edges of a code; infinite where it cannot be built."""
    state, found = 0, 0.0
    for p, (layer, gene) in enumerate(zip(layered.layers, code, strict=True)):
        found = max(found, values[p][state, gene])
        state = layer.next[state, gene]
        if state < 0:
            return np.inf
    return found


def test_a_code_of_a_solution_has_its_price(layered: LayeredSpace) -> None:
    ms, score = edge_values(layered, np.random.default_rng(1))
    found = solve(layered, undominated(layered, ms, score), 4.0)
    assert found is not None
    state, cost = 0, 0.0
    for p, (layer, gene) in enumerate(zip(layered.layers, found.code, strict=True)):
        cost += ms[p][state, gene]
        state = layer.next[state, gene]
    assert state >= 0
    assert cost == pytest.approx(found.ms)


def test_undominated_keeps_the_front_between_two_states(layered: LayeredSpace) -> None:
    ms, score = edge_values(layered, np.random.default_rng(2))
    edges = undominated(layered, ms, score)
    for layer, cost, gain, kept in zip(layered.layers, ms, score, edges, strict=True):
        for s, o in zip(*np.nonzero(layer.next >= 0), strict=True):
            rivals = np.flatnonzero(layer.next[s] == layer.next[s, o])
            beaten = (cost[s, rivals] <= cost[s, o]) & (gain[s, rivals] >= gain[s, o])
            beaten &= rivals != o
            is_kept = bool(((kept.source == s) & (kept.option == o)).any())
            assert is_kept != beaten.any()


def test_a_solver_that_prints_leaves_stdout_alone(capfd: pytest.CaptureFixture[str]) -> None:
    """HiGHS writes to file descriptor 1 itself now and then, past Python."""
    libc = ctypes.CDLL(None)
    with _stdout_kept():
        libc.puts(b"from C")
    sys.stdout.write("from Python\n")
    captured = capfd.readouterr()
    assert captured.out == "from Python\n"
    assert captured.err == ""


def test_a_program_too_large_for_highs_still_has_a_path_and_a_gap(
    layered: LayeredSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[solve.__module__], "MAX_EDGES", 0)
    ms, score = edge_values(layered, np.random.default_rng(0))
    paths = every_path(layered, ms, score)
    for quantile in (0.1, 0.3, 0.6):
        budget = np.quantile(paths[:, 0], quantile)
        best = paths[paths[:, 0] <= budget, 1].max()
        found = solve(layered, undominated(layered, ms, score), budget)
        assert found is not None
        assert found.ms <= budget
        assert found.score <= best + 1e-9 <= found.score + found.gap + 2e-9
