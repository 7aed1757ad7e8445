"""Choices: every code of every space by name and back."""

from __future__ import annotations

import tracemalloc
from itertools import product

import numpy as np
import pytest

from nas import library
from nas.files.resources import named
from nas.space.choices import ABSENT, LEFT_OUT, Choices, _near
from nas.space.space import Space

from ..conftest import BRANCHES


@pytest.fixture(scope="module")
def tiny() -> Space:
    return Space.from_yaml(BRANCHES)


def test_a_parameter_is_a_column_at_a_row(tiny: Space) -> None:
    names = {p.name: p.values for p in Choices.of(tiny.table).parameters}
    assert names == {
        "input": ("3x16x16", "3x32x32"),
        "from row 1 alternative": (1, 2),
        "row 1 out": (8, 16),
        "row 3.1 op": ("bneck", "mv2"),
        "row 3.1 k": (3, 5),
        "row 3.1 exp": ("2x", "4x", "6x"),
        "row 3.1 se": (None, 0.25),
        "row 3.2 op": ("bneck", "mv2", LEFT_OUT),
        "row 3.2 k": (3, 5),
        "row 3.2 exp": ("2x", "4x", "6x"),
        "row 3.2 se": (None, 0.25),
        "row 3.3 op": ("bneck", "mv2", LEFT_OUT),
        "row 3.3 k": (3, 5),
        "row 3.3 exp": ("2x", "4x", "6x"),
        "row 3.3 se": (None, 0.25),
        "row 5 k": (3, 5),
        "row 5 n": (1, 2),
    }


@pytest.mark.parametrize("name", named("space"))
def test_a_code_by_its_names_is_the_same_network(name: str) -> None:
    space = library.load_space(name)
    choices = Choices.of(space.table)
    assert len({p.name for p in choices.parameters}) == len(choices.parameters)
    for code in space.layered.sample(20, np.random.default_rng(0)):
        back = choices.code(choices.named(code))
        assert space.decode(back) == space.decode(code)


def test_what_a_network_lacks_has_no_value(tiny: Space) -> None:
    choices = Choices.of(tiny.table)
    other = tiny.layered.sample(50, np.random.default_rng(1))
    for code in other:
        found = choices.named(code)
        assert ("row 1 out" in found) == (found["from row 1 alternative"] == 1)
        assert ("row 3.2 k" in found) == (found["row 3.2 op"] != LEFT_OUT)
        assert found.get("row 3.3 op") in ("bneck", "mv2", LEFT_OUT)


def test_values_of_what_is_absent_are_without_effect(tiny: Space) -> None:
    choices, rng = Choices.of(tiny.table), np.random.default_rng(2)
    for code in tiny.layered.sample(50, rng):
        found = choices.named(code)
        others = {p.name: p.values[rng.integers(len(p.values))] for p in choices.parameters}
        assert tiny.decode(choices.code(others | found)) == tiny.decode(code)


def test_one_hot_says_what_values_say(tiny: Space) -> None:
    choices = Choices.of(tiny.table)
    codes = tiny.layered.sample(30, np.random.default_rng(3))
    ends = np.cumsum([0, *(len(p.values) for p in choices.parameters)])
    hot = choices.one_hot(codes)
    assert hot.shape == (30, ends[-1])
    for index, column in enumerate(choices.values(codes).T):
        own = hot[:, ends[index] : ends[index + 1]]
        assert (own.sum(axis=1) == (column >= 0)).all()
        assert (own.argmax(axis=1)[column >= 0] == column[column >= 0]).all()
    sizes = [own.shape for own in choices.one_hot_options]
    assert sum(d for _, d in sizes) == ends[-1]


@pytest.mark.parametrize("absent", [0.0, 0.3, 0.9])
def test_near_options_differ_in_one_parameter_that_both_have(absent: float) -> None:
    rng = np.random.default_rng(0)
    option = rng.integers(3, size=(200, 4))
    option[rng.random(option.shape) < absent] = ABSENT
    for index, found in enumerate(_near(option)):
        both = (option != ABSENT) & (option[index] != ABSENT)
        apart = ((option != option[index]) & both).sum(axis=1)
        others = np.delete(np.arange(len(option)), index)
        assert set(found) == set(np.flatnonzero(apart == 1) if (apart == 1).any() else others)


def test_near_options_of_thousands_need_little_memory() -> None:
    option = np.array(list(product(range(5), range(5), range(5), range(5), range(5))))
    tracemalloc.start()
    near = _near(option)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {len(found) for found in near} == {5 * 4}
    assert most < len(option) ** 2 / 2  # bytes
