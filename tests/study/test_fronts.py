"""Fronts and their order, against brute force."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.space.columns import Floats
from nas.study.fronts import best_first, fronts


@st.composite
def objectives(draw: st.DrawFn) -> Floats:
    """Up to a dozen points of one to three objectives, many of them equal."""
    shape = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    found: Floats = draw(arrays(float, shape, elements=st.integers(0, 4).map(float)))
    return found


def dominates(a: Floats, b: Floats) -> bool:
    return bool((a >= b).all() and (a > b).any())


@given(objectives())
def test_a_front_is_what_nothing_left_dominates(values: Floats) -> None:
    ranks, left = fronts(values), set(range(len(values)))
    for rank in range(ranks.max() + 1):
        front = {
            one for one in left if not any(dominates(values[two], values[one]) for two in left)
        }
        assert front == set(np.flatnonzero(ranks == rank))
        left -= front
    assert not left


@given(objectives())
def test_the_best_come_first(values: Floats) -> None:
    order = best_first(values)
    assert sorted(order) == list(range(len(values)))
    if values.shape[1] == 1:
        assert order.tolist() == sorted(range(len(values)), key=lambda i: -values[i, 0])
    assert (np.diff(fronts(values)[order]) >= 0).all()


def test_within_a_front_the_ends_come_first_and_the_crowded_last() -> None:
    x = np.array([0.0, 1.0, 1.1, 1.2, 3.0, 4.0])
    order = best_first(np.column_stack([x, -x]))
    assert set(order[:2]) == {0, 5}
    assert order.tolist()[2:4] == [4, 3]
    assert order.tolist()[-1] == 2


def test_of_nothing_there_is_no_front() -> None:
    for width in (1, 2):
        none = np.empty((0, width))
        assert len(fronts(none)) == len(best_first(none)) == 0
