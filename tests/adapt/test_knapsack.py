"""Widths as a search space, and the knapsack against brute force."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from nas.adapt.dependencies import DependencyGraph, structure
from nas.adapt.knapsack import GroupValues, group_values, knapsack, width_space
from nas.adapt.width_groups import width_groups
from nas.errors import ArchError, InfeasibleError
from nas.library import load_arch, load_device
from nas.space.arch import Arch
from nas.space.rules import NONDECREASING, Rules

TABLE = """
name: tiny
source: "a test"
input: [3, 32, 32]
columns: [op, k, exp, out, se, act, s, n]
rows:
  - [conv, 3, ~, 24, ~, relu, 2, 1]
  - [bneck, 3, 32, 24, 0.25, relu, 2, 2]
  - [mbconv, 3, 40, 32, ~, silu, 2, 1]
  - [pool, ~, ~, ~, ~, ~, ~, 1]
  - [linear, ~, ~, 10, ~, ~, ~, 1]
"""
DEVICE = load_device("sd855-cpu-1t")


def test_the_knapsack_is_the_best_of_all_widths() -> None:
    arch = Arch.from_yaml(TABLE)
    channels = DependencyGraph.of(arch.graph)
    scores = np.random.default_rng(1).random(channels.n_coupled)
    worth = group_values(arch, channels, scores)
    every = [*priced_widths(arch, worth)]
    for share in (0.88, 0.94):
        budget = share * DEVICE.predict(arch).ms
        made, solution = knapsack(arch, DEVICE, budget, worth)
        assert solution.gap == 0
        assert DEVICE.predict(made).ms <= budget
        assert solution.score == pytest.approx(max(gain for ms, gain in every if ms <= budget))


def priced_widths(arch: Arch, worth: GroupValues) -> Iterator[tuple[float, float]]:
    """Milliseconds and importance of every combination of widths."""
    own = width_groups(arch)
    for widths in product(*(range(8, group.width + 1, 8) for group in own)):
        rows = arch.rows
        try:
            for group, width in zip(own, widths, strict=True):
                rows = group.at(rows, width)
            other = Arch("", "", arch.input, rows)
            same = structure(other.graph) == structure(arch.graph)
        except ArchError:
            continue
        if same:
            gain = sum(worth[k][w] for k, w in zip(own, widths, strict=True))
            yield DEVICE.predict(other).ms, float(gain)


def test_what_is_over_every_width_is_infeasible() -> None:
    arch = load_arch("mobilenetv3-small")
    channels = DependencyGraph.of(arch.graph)
    worth = group_values(arch, channels, np.ones(channels.n_coupled))
    with pytest.raises(InfeasibleError, match="the smallest reach") as found:
        knapsack(arch, DEVICE, 0.01, worth)
    assert DEVICE.predict(found.value.arch).ms == pytest.approx(found.value.smallest)


@pytest.mark.parametrize("name", ["mobilenetv2", "mobilevit-xxs", "repvit-m0.9", "swin-t"])
def test_a_network_is_a_point_of_its_widths(name: str) -> None:
    arch = load_arch(name)
    space = width_space(arch)
    assert space.contains(arch)
    point = space.sample(np.random.default_rng(0))
    assert len(point.rows) == len(arch.rows)
    assert point != arch


def test_widths_of_a_space_with_the_rule_do_not_fall() -> None:
    arch, rules = load_arch("mobilenetv2"), Rules(widths=NONDECREASING)
    drawn = [
        [space.sample(np.random.default_rng(seed)) for seed in range(20)]
        for space in (width_space(arch), width_space(arch, rules=rules))
    ]
    broken = [[bool(rules.broken_by(a.rows, a.shapes)) for a in archs] for archs in drawn]
    assert any(broken[0])
    assert not any(broken[1])


def test_what_is_kept_is_worth_the_more_the_wider() -> None:
    arch = load_arch("efficientnet-b0")
    channels = DependencyGraph.of(arch.graph)
    scores = np.random.default_rng(0).random(channels.n_coupled)
    found = group_values(arch, channels, scores)
    assert all((np.diff(values) >= 0).all() and values[-1] > 0 for values in found.values())
    assert len(found) == len(width_groups(arch))
