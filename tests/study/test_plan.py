from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.study.plan import Plan


@pytest.mark.parametrize(
    ("plan", "candidates", "rungs"),
    [
        (Plan(8), 8, [(2, 8), (4, 4), (8, 2)]),
        (Plan(10), 16, [(1, 16), (2, 8), (5, 4), (10, 2)]),
        (Plan(1), 16, [(1, 16)]),
        (Plan(8), 2, [(8, 2)]),
        (Plan(8, finalists=1), 1, [(8, 1)]),
    ],
)
def test_rungs(plan: Plan, candidates: int, rungs: list[tuple[int, int]]) -> None:
    assert plan.rungs(candidates) == rungs


@given(
    st.builds(Plan, st.integers(1, 100), st.integers(1, 8), st.integers(0, 50), st.integers(1, 4)),
    st.integers(1, 200),
)
def test_rungs_end_with_what_was_asked_for(plan: Plan, candidates: int) -> None:
    rungs = plan.rungs(candidates)
    epochs, counts = zip(*rungs, strict=True)
    assert epochs[-1] == plan.epochs
    assert counts[0] == candidates
    assert list(epochs) == sorted(set(epochs))
    assert list(counts) == sorted(counts, reverse=True)
    assert counts[-1] >= min(plan.finalists, candidates)
    assert plan.work(candidates) >= candidates * epochs[0]
