"""The dependency graph of a network's channels: which must be kept or removed together.

The terms are those of DepGraph (arXiv:2301.12900). Each channel that a layer makes has a label.
Labels flow through the graph as integer arrays in the shape of the values. If an op combines two
labels (a residual sum, a gate, query and key of one head), their channels are *coupled*. The sets
of coupled channels that the same layers make, and the same slices take, form a *channel group*. A
smaller network has the same groups: it says how many sets of each are kept, and scores say which.
`FLOW` has one rule per op kind; none is specific to a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.adapt.flow import FLOW, Axes, Flow, Labels, compact
from nas.errors import ArchError
from nas.graph.graph import Graph
from nas.graph.ops import KINDS, Op

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ChannelGroup:
    """Sets of coupled channels of the same layers and slices; each set can be removed."""

    coupled: Labels
    layers: tuple[int, ...]
    """Indices of the ops that make the channels, then of those that slice them off."""


@dataclass(frozen=True, eq=False)
class DependencyGraph:
    """The sets of coupled channels of a graph, numbered from 0."""

    graph: Graph
    axes: tuple[Axes, ...]
    coupled: Labels
    """(labels,) number of the set of each label."""
    frozen: Labels
    """Sets with channels of the network's output, which cannot be removed."""
    slices: tuple[tuple[int, Labels], ...] = ()
    """Index of each op that takes a part of the channels, and the sets in its part."""

    @classmethod
    def of(cls, graph: Graph) -> DependencyGraph:
        """Follow every label through the graph.

        Raises:
            ArchError: an op kind that only traced graphs have.
        """
        flow = Flow()
        values: list[Labels] = []
        for index, op in enumerate(graph.ops):
            if op.kind not in FLOW:
                raise ArchError(f"{op.name}: channels cannot be followed through {op.kind!r}")
            flow.op = index
            found = FLOW[op.kind](flow, op, *(values[i] for i in op.inputs))
            values.append(compact(np.broadcast_to(found, op.shape)))
        coupled = flow.coupled()
        out = values[-1][values[-1] >= 0]
        slices = tuple((op, np.unique(coupled[part[part >= 0]])) for op, part in flow.slices)
        return cls(graph, tuple(flow.axes), coupled, np.unique(coupled[out]), slices)

    @cached_property
    def groups(self) -> tuple[ChannelGroup, ...]:
        """All channel groups, in the order of their layers.

        Each layer and each slice splits the groups so far into what it has and what it has not.
        """
        made = [(axes.op, self.coupled[axes.made]) for axes in self.axes if axes.made is not None]
        number, layers = np.full(self.n_coupled, -1), list[tuple[int, ...]]([()])
        number[np.concatenate([coupled for _, coupled in made])] = 0
        for op, coupled in (*made, *self.slices):
            inside = coupled[number[coupled] >= 0]
            split, own = np.unique(number[inside], return_inverse=True)
            number[inside] = len(layers) + own
            layers += [(*layers[n], op) for n in split]
        groups = [
            ChannelGroup(np.flatnonzero(number == n), layers[n])
            for n in np.unique(number[number >= 0])
        ]
        return tuple(sorted(groups, key=lambda group: group.layers))

    @property
    def n_coupled(self) -> int:
        """Number of sets of coupled channels."""
        return int(self.coupled.max()) + 1

    def keep_mask(self, smaller: Graph, scores: NDArray[np.float64]) -> Mask:
        """The sets that the network of `smaller` keeps: those of each group with the best scores.

        Args:
            smaller: The graph of the same layers at smaller widths.
            scores: (n_coupled,) importance of each set.

        Returns:
            (n_coupled,) mask.

        Raises:
            ArchError: `smaller` has other layers, or its widths separate coupled channels.
        """
        kept = np.ones(self.n_coupled, bool)
        for group, count in zip(self.groups, self.counts(smaller), strict=True):
            n, name = len(group.coupled), self.graph.ops[group.layers[0]].name
            if count > n:
                raise ArchError(f"{name}: cannot keep {count} of {n} sets of coupled channels")
            if count == n:
                continue
            if np.isin(group.coupled, self.frozen).any():
                raise ArchError(f"{name} is the network's output")
            order = np.argsort(-scores[group.coupled], kind="stable")
            kept[group.coupled[order[count:]]] = False
        self._check(smaller, kept)
        return kept

    def counts(self, other: Graph) -> tuple[int, ...]:
        """Number of sets that each group has in the network of another graph.

        Raises:
            ArchError: `other` has other layers, or its layers share channels in another way.
        """
        if structure(other) != structure(self.graph):
            raise ArchError("other layers than before")
        found = {group.layers: len(group.coupled) for group in DependencyGraph.of(other).groups}
        own = [group.layers for group in self.groups]
        if found.keys() != {*own}:
            raise ArchError("layers share channels in another way than before")
        return tuple(found[layers] for layers in own)

    def axis_masks(self, kept: Mask) -> dict[str, tuple[Mask | None, ...]]:
        """The mask of each axis of each tensor, by the tensor's name.

        A free parameter has one mask in its own shape. Tensors without labels are missing.
        """
        of_label = kept[self.coupled]
        return {
            f"{self.graph.ops[axes.op].name}.{tensor}": tuple(
                None if labels is None else (of_label[labels] | (labels < 0)) for labels in own
            )
            for axes in self.axes
            for tensor, own in axes.tensors.items()
        }

    def _check(self, smaller: Graph, kept: Mask) -> None:
        """Check that the kept channels match the tensors of the smaller network."""
        masks = self.axis_masks(kept)
        for axes in self.axes:
            old, new = self.graph.ops[axes.op], smaller.ops[axes.op]
            for tensor in axes.tensors:
                own = masks[f"{old.name}.{tensor}"]
                found = tuple(None if mask is None else int(mask.sum()) for mask in own)
                wanted = _sizes(new, tensor)[: len(own)]
                if any(f is not None and f != w for f, w in zip(found, wanted, strict=False)):
                    raise ArchError(f"{old.name}: {wanted} channels are not {found}")


def structure(graph: Graph) -> tuple[Any, ...]:
    """Kinds, names and inputs of all ops, which stay the same if only widths change."""
    return tuple((op.kind, op.name, op.inputs) for op in graph.ops)


def _sizes(op: Op, tensor: str) -> tuple[int, ...]:
    """Sides of a tensor; a free parameter is one side, statistics have the sides of the weight."""
    weights = KINDS[op.kind].weights(op)
    shape = weights[tensor if tensor in weights else "weight"]
    return (prod(shape),) if op.kind == "param" else shape
