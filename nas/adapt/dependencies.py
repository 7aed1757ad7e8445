"""Which channels of a network are kept or removed together, derived from its ops alone.

Every channel that a layer makes is a label. Labels flow through the graph as integer arrays in the
shape of the values, so reshapes, windows and patches are numpy's own; where an op combines two
labels (a residual sum, a gate, query and key of one head), they belong to one *atom*. Atoms of one
layer form a *group*: how many of them a smaller network keeps follows from that network's own
graph, which ones from scores. No rule is of a block; `FLOW` has one per op kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.adapt.flow import FLOW, Axes, Flow, Labels, compact, components
from nas.errors import ArchError
from nas.graph.graph import Graph
from nas.graph.ops import KINDS, Op

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ChannelGroup:
    """Atoms that layers share; any of them can go."""

    coupled: Labels
    layers: tuple[int, ...]
    """Indices of the ops whose channels they are."""


@dataclass(frozen=True, eq=False)
class DependencyGraph:
    """The atoms of a graph."""

    graph: Graph
    axes: tuple[Axes, ...]
    coupled: Labels
    """(labels,) atom of each."""
    frozen: Labels
    """Atoms of the network's output."""

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
        return cls(graph, tuple(flow.axes), coupled, np.unique(coupled[out]))

    @cached_property
    def groups(self) -> tuple[ChannelGroup, ...]:
        """Every group, in the order of its first maker."""
        made = [(axes.op, self.coupled[axes.made]) for axes in self.axes if axes.made is not None]
        links = [np.stack([coupled[:-1], coupled[1:]]) for _, coupled in made]
        number = components(links, self.n_coupled)
        layers: dict[int, list[int]] = {}
        for op, coupled in made:
            layers.setdefault(int(number[coupled[0]]), []).append(op)
        held = np.unique(np.concatenate([coupled for _, coupled in made]))
        return tuple(ChannelGroup(held[number[held] == n], tuple(ops)) for n, ops in layers.items())

    @property
    def n_coupled(self) -> int:
        """How many there are."""
        return int(self.coupled.max()) + 1

    def keep_mask(self, smaller: Graph, scores: NDArray[np.float64]) -> Mask:
        """Which atoms (n_atoms,) the network of `smaller` has: of each group the highest scores.

        Raises:
            ArchError: it is no narrower copy of this network, or would part what belongs together.
        """
        if structure(smaller) != structure(self.graph):
            raise ArchError("other layers than before")
        kept = np.ones(self.n_coupled, bool)
        for group in self.groups:
            n, name = len(group.coupled), self.graph.ops[group.layers[0]].name
            counts = {
                Fraction(n * self._width(smaller, op), self._width(self.graph, op))
                for op in group.layers
            }
            count = counts.pop()
            if counts or count.denominator > 1 or not 0 < count <= n:
                raise ArchError(f"{name}: {n} parts belong together, not {float(count):g} of them")
            if count == n:
                continue
            if np.isin(group.coupled, self.frozen).any():
                raise ArchError(f"{name} is the network's output")
            order = np.argsort(-scores[group.coupled], kind="stable")
            kept[group.coupled[order[int(count) :]]] = False
        self._check(smaller, kept)
        return kept

    def fewer(self, smaller: Graph, group: ChannelGroup) -> bool:
        """Whether a network of the same layers has less of a group."""
        op = group.layers[0]
        return self._width(smaller, op) < self._width(self.graph, op)

    def axis_masks(self, kept: Mask) -> dict[str, tuple[Mask | None, ...]]:
        """For each tensor by name: what of each axis is kept; one mask in its own shape of a param.

        Tensors without labels are missing.
        """
        of_label = kept[self.coupled]
        return {
            f"{self.graph.ops[axes.op].name}.{tensor}": tuple(
                None if labels is None else (of_label[labels] | (labels < 0)) for labels in own
            )
            for axes in self.axes
            for tensor, own in axes.tensors.items()
        }

    def _width(self, graph: Graph, op: int) -> int:
        """Channels that an op makes."""
        found = graph.ops[op]
        return int(found.attrs.get("out") or prod(found.shape))

    def _check(self, smaller: Graph, kept: Mask) -> None:
        """The kept channels are those that the smaller network's ops read and make."""
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
    """What stays the same when only widths change."""
    return tuple((op.kind, op.name, op.inputs) for op in graph.ops)


def _sizes(op: Op, tensor: str) -> tuple[int, ...]:
    """Sides of a tensor; a free parameter is one side, statistics have the sides of the weight."""
    weights = KINDS[op.kind].weights(op)
    shape = weights[tensor if tensor in weights else "weight"]
    return (prod(shape),) if op.kind == "param" else shape
