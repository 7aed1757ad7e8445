"""Regression trees over the choices of a space: accuracy is a constant plus a sum over trees.

A test compares the index of a parameter's value (`nas.space.choices`) with a threshold. A parameter
that the network lacks has index -1, below every value.

Trees are not traversed. A code chooses one option per layer, and an option decides every test on
its parameters. So an option has, for each tree, a word with one bit for each leaf that its tests
leave open. The leaf that all layers leave open is the tree's answer (after QuickScorer, SIGIR
2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.space.choices import Choices
from nas.space.columns import Floats, Ints

LEAVES = 8
"""Most leaves of a tree: the bits of a word."""
CHUNK = 64
"""Codes evaluated at a time, so that their words stay in the cache."""

Words = NDArray[np.uint8]

_LEAF = np.zeros(1 << LEAVES, np.int64)
"""Word with one bit -> number of the leaf."""
_LEAF[1 << np.arange(LEAVES)] = np.arange(LEAVES)


@dataclass(frozen=True, slots=True)
class Node:
    """A test, or a leaf with a value. Both children of a test come after it; node 0 is the root."""

    parameter: int | None = None
    """Index of the tested parameter; None for a leaf."""
    at_most: int = 0
    """The largest index that goes left."""
    left: int = 0
    right: int = 0
    value: float = 0.0
    """Value of a leaf, in points."""


Tree = Sequence[Node]


class Trees:
    """The constant and all trees, as a function of codes."""

    def __init__(self, choices: Choices, trees: Sequence[Tree], constant: float) -> None:
        assert not any(choices.branches), "layers that count in one branch only are not supported"
        sizes = np.array([len(options) for options in choices.options])
        starts = np.cumsum(sizes) - sizes
        tested = {
            choices.parameters[node.parameter].layer
            for tree in trees
            for node in tree
            if node.parameter is not None
        }
        self._layers = np.array(sorted(tested), np.int64)
        """Layers with tests; the others leave all leaves open."""
        self._starts = starts[self._layers]
        """Index of each layer's first option among the words."""
        self._words = np.empty((int(sizes.sum()), len(trees)), np.uint8)
        self._values = np.zeros((len(trees), LEAVES))
        self._first = np.arange(len(trees)) * LEAVES
        """Index of each tree's first value, with all values end to end."""
        self._constant = constant
        places = _places(choices, starts)
        for number, tree in enumerate(trees):
            self._words[:, number] = _words(tree, places, len(self._words))
            values = [node.value for node in tree if node.parameter is None]
            self._values[number, : len(values)] = values

    def __call__(self, codes: Ints) -> Floats:
        """Return accuracies in points. Shapes: codes (n, P) -> (n,)."""
        rows = codes[:, self._layers] + self._starts
        found = np.empty(len(codes))
        for start in range(0, len(codes), CHUNK):
            words = self._words.take(rows[start : start + CHUNK], axis=0)
            leaves = _LEAF.take(np.bitwise_and.reduce(words, axis=1)) + self._first
            found[start : start + CHUNK] = self._values.take(leaves).sum(axis=1)
        found += self._constant
        return found


def _places(choices: Choices, starts: Ints) -> list[tuple[slice, Ints]]:
    """Return, for each parameter, the slice of its layer's options and their value indices."""
    places = []
    column, layer = 0, -1
    for parameter in choices.parameters:
        column = column + 1 if parameter.layer == layer else 0
        layer = parameter.layer
        indices = choices.options[layer][:, column]
        places.append((slice(starts[layer], starts[layer] + len(indices)), indices))
    return places


def _words(tree: Tree, places: Sequence[tuple[slice, Ints]], options: int) -> Words:
    """Return the leaves of a tree that each option leaves open. Shapes: (options,)."""
    below = [0] * len(tree)
    leaf = 1
    for index, node in enumerate(tree):
        if node.parameter is None:
            below[index], leaf = leaf, leaf << 1
    for index in reversed(range(len(tree))):
        if tree[index].parameter is not None:
            below[index] = below[tree[index].left] | below[tree[index].right]
    words = np.full(options, below[0], np.uint8)
    for node in tree:
        if node.parameter is not None:
            where, indices = places[node.parameter]
            closed = np.where(indices <= node.at_most, below[node.right], below[node.left])
            words[where] &= ~closed.astype(np.uint8)
    return words
