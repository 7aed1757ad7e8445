"""Trees answer by bits what they would answer when walked."""

from __future__ import annotations

import numpy as np
import pytest

from nas.evaluate.bench.trees import LEAVES, Node, Tree, Trees
from nas.space.choices import Choices
from nas.space.columns import Ints
from nas.space.space import Space

SPACE = Space.from_yaml("""
name: small
source: "made for tests"
input: [[3, 16, 16], [3, 32, 32]]
columns: [op, k, exp, out, se, s, n, repeat]
rows:
  - [conv, [3, 5], ~, [8, 16], ~, 2, 1, ~]
  - [bneck, [3, 5, 7], [2x, 4x], ~, [~, 0.25], 1, [1, 2, 3], independent]
  - [mv2, [3, 5], [3x, 6x], 24, ~, 2, [1, 2], shared]
  - [pool, ~, ~, ~, ~, ~, 1, ~]
  - [linear, ~, ~, 10, ~, ~, 1, ~]
""")
CHOICES = Choices.of(SPACE.table)


def grow(nodes: list[Node], rng: np.random.Generator, depth: int) -> int:
    """Append a random tree, and say where its first node is."""
    index = len(nodes)
    nodes.append(Node(value=rng.normal()))
    if depth and rng.random() < 0.9:
        parameter = int(rng.integers(len(CHOICES.parameters)))
        at_most = int(rng.integers(-1, len(CHOICES.parameters[parameter].values) - 1))
        left, right = grow(nodes, rng, depth - 1), grow(nodes, rng, depth - 1)
        nodes[index] = Node(parameter, at_most, left, right)
    return index


def random_tree(rng: np.random.Generator) -> Tree:
    nodes: list[Node] = []
    grow(nodes, rng, depth=3)
    return nodes


def walked(tree: Tree, values: Ints) -> float:
    node = tree[0]
    while node.parameter is not None:
        node = tree[node.left if values[node.parameter] <= node.at_most else node.right]
    return node.value


def test_sum_of_trees_is_what_walking_each_gives() -> None:
    rng = np.random.default_rng(0)
    forest = [random_tree(rng) for _ in range(40)]
    assert max((len(tree) + 1) // 2 for tree in forest) == LEAVES
    codes = SPACE.layered.sample(300, rng)
    expected = [sum(walked(tree, v) for tree in forest) for v in CHOICES.values(codes)]
    assert Trees(CHOICES, forest, 50.0)(codes) == pytest.approx(np.array(expected) + 50)


def test_trees_without_a_test_are_a_constant() -> None:
    trees = Trees(CHOICES, [[Node(value=1.5)], [Node(value=-0.5)]], 70.0)
    codes = SPACE.layered.sample(5, np.random.default_rng(1))
    assert (trees(codes) == 71).all()


def test_no_codes_have_no_accuracies() -> None:
    trees = Trees(CHOICES, [random_tree(np.random.default_rng(2))], 70.0)
    assert trees(np.empty((0, len(CHOICES.options)), np.int64)).shape == (0,)
