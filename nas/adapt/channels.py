"""Which channels of a network are kept or removed together, derived from its ops alone.

Every channel that a layer makes is a label. Labels flow through the graph as integer arrays in the
shape of the values, so reshapes, windows and patches are numpy's own; where an op combines two
labels (a residual sum, a gate, query and key of one head), they belong to one *atom*. Atoms of one
layer form a *group*: how many of them a smaller network keeps follows from that network's own
graph, which ones from scores. No rule is of a block; `FLOW` has one per op kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import ArchError
from nas.graph import Graph
from nas.ops import Op

Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]
NONE = -1
"""Of what no layer made: the image, constants."""


@dataclass(frozen=True, slots=True)
class Axes:
    """Labels of the tensors of one op: one array per axis, or None where an axis has none."""

    op: int
    tensors: Mapping[str, tuple[Labels | None, ...]]
    """Tensor -> axes; a single array of the tensor's own shape labels its elements."""
    made: Labels | None = None
    """Labels of the channels that it makes, in order."""


@dataclass(frozen=True, slots=True)
class Group:
    """Atoms that layers share; any of them can go."""

    atoms: Labels
    makers: tuple[int, ...]
    """Indices of the ops whose channels they are."""


@dataclass(frozen=True, eq=False)
class Channels:
    """The atoms of a graph."""

    graph: Graph
    axes: tuple[Axes, ...]
    atom: Labels
    """(labels,) atom of each."""
    frozen: Labels
    """Atoms of the network's output."""

    @classmethod
    def of(cls, graph: Graph) -> Channels:
        """Follow every label through the graph.

        Raises:
            ArchError: an op kind that only traced graphs have.
        """
        flow = _Flow()
        values: list[Labels] = []
        for index, op in enumerate(graph.ops):
            if op.kind not in FLOW:
                raise ArchError(f"{op.name}: channels cannot be followed through {op.kind!r}")
            flow.op = index
            found = FLOW[op.kind](flow, op, *(values[i] for i in op.inputs))
            values.append(_compact(np.broadcast_to(found, op.shape)))
        atom = flow.atoms()
        out = values[-1][values[-1] >= 0]
        return cls(graph, tuple(flow.axes), atom, np.unique(atom[out]))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Every group, in the order of its first maker."""
        made = [(axes.op, self.atom[axes.made]) for axes in self.axes if axes.made is not None]
        links = [np.stack([atoms[:-1], atoms[1:]]) for _, atoms in made]
        number = _components(links, self.n_atoms)
        makers: dict[int, list[int]] = {}
        for op, atoms in made:
            makers.setdefault(int(number[atoms[0]]), []).append(op)
        held = np.unique(np.concatenate([atoms for _, atoms in made]))
        return tuple(Group(held[number[held] == n], tuple(ops)) for n, ops in makers.items())

    @property
    def n_atoms(self) -> int:
        """How many there are."""
        return int(self.atom.max()) + 1

    def keep(self, smaller: Graph, scores: NDArray[np.float64]) -> Mask:
        """Which atoms (n_atoms,) the network of `smaller` has: of each group the highest scores.

        Raises:
            ArchError: it is no narrower copy of this network, or would part what belongs together.
        """
        if structure(smaller) != structure(self.graph):
            raise ArchError("other layers than before")
        kept = np.ones(self.n_atoms, bool)
        for group in self.groups:
            n, name = len(group.atoms), self.graph.ops[group.makers[0]].name
            shares = {self._width(smaller, op) / self._width(self.graph, op) for op in group.makers}
            counts = {n * share for share in shares}
            count = counts.pop()
            if counts or count != int(count) or not 0 < count <= n:
                raise ArchError(f"{name}: {n} parts belong together, not {count:g} of them")
            if count == n:
                continue
            if np.isin(group.atoms, self.frozen).any():
                raise ArchError(f"{name} is the network's output")
            order = np.argsort(-scores[group.atoms], kind="stable")
            kept[group.atoms[order[int(count) :]]] = False
        self._check(smaller, kept)
        return kept

    def fewer(self, smaller: Graph, group: Group) -> bool:
        """Whether a network of the same layers has less of a group."""
        op = group.makers[0]
        return self._width(smaller, op) < self._width(self.graph, op)

    def axis_masks(self, kept: Mask) -> dict[str, tuple[Mask | None, ...]]:
        """For each tensor by name: what of each axis is kept; one mask in its own shape of a param.

        Tensors without labels are missing.
        """
        of_label = kept[self.atom]
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
                wanted = _sizes(new, tensor)
                if any(f is not None and f != w for f, w in zip(found, wanted, strict=False)):
                    raise ArchError(f"{old.name}: {wanted} channels are not {found}")


def structure(graph: Graph) -> tuple[Any, ...]:
    """What stays the same when only widths change."""
    return tuple((op.kind, op.name, op.inputs) for op in graph.ops)


def _sizes(op: Op, tensor: str) -> tuple[int, ...]:
    """Of the labelled axes of a tensor."""
    if op.kind == "param":
        return (prod(op.shape),)
    if op.kind == "conv" and tensor == "weight":
        return op.attrs["out"], op.in_shapes[0][0] // op.attrs["groups"]
    if op.kind == "linear" and tensor == "weight":
        return op.attrs["out"], op.in_shapes[0][-1]
    if op.kind in ("conv", "linear"):
        return (op.attrs["out"],)
    return (op.shape[-1 if op.kind == "layer_norm" else 0],)


# how labels flow ------------------------------------------------------------------------------


class _Flow:
    """Labels so far, and which of them were tied."""

    def __init__(self) -> None:
        self.op = 0
        self.count = 0
        self.axes: list[Axes] = []
        self.pairs: list[Labels] = []

    def fresh(self, *shape: int) -> Labels:
        """New labels."""
        start, self.count = self.count, self.count + prod(shape)
        return np.arange(start, self.count).reshape(shape)

    def owns(self, *made: Labels, **tensors: tuple[Labels | None, ...]) -> None:
        """Note the tensors of the op at hand, and the channels it makes if it does."""
        self.axes.append(Axes(self.op, tensors, made[0] if made else None))

    def tie(self, *arrays: Labels) -> Labels:
        """Arrays that are combined element by element (and repeated where they must be)."""
        # of equal labels any will do: those of the array that repeats most stay short
        first, *others = sorted(arrays, key=lambda array: _distinct(array).size)
        for other in others:
            a, b = np.broadcast_arrays(*(_distinct(x) for x in np.broadcast_arrays(first, other)))
            both = (a >= 0) & (b >= 0) & (a != b)
            if both.any():
                pairs = np.unique(a[both] * self.count + b[both])
                self.pairs.append(np.stack(np.divmod(pairs, self.count)))
            shape = np.broadcast_shapes(first.shape, other.shape)
            first = first if (a >= 0).all() else np.where(a >= 0, a, b)
            first = np.broadcast_to(first, shape)
        return first

    def merged(self, array: Labels, *dims: int) -> Labels:
        """Everything along `dims` is one; those become sides of 1."""
        array = _distinct(array)
        top: Labels = array.max(axis=dims, keepdims=True)
        self.tie(top, array)
        return top

    def atoms(self) -> Labels:
        """(labels,) the atom of each."""
        return _components(self.pairs, self.count)


def _components(links: Sequence[Labels], n: int) -> Labels:
    """(n,) number of the connected component of each node."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = np.concatenate([*links, np.empty((2, 0), np.int64)], axis=1)
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _distinct(array: Labels) -> Labels:
    """One of each side that only repeats."""
    index = tuple(
        slice(0, 1) if stride == 0 else slice(None)
        for stride, size in zip(array.strides, array.shape, strict=True)
    )
    return array[index]


def _compact(array: Labels) -> Labels:
    """The same array, without memory for sides that only repeat."""
    few = _distinct(array)
    for dim in range(few.ndim):
        first = few.take([0], axis=dim)
        if few.shape[dim] > 1 and (few == first).all():
            few = first
    return np.broadcast_to(few, array.shape)


def _conv(flow: _Flow, op: Op, x: Labels) -> Labels:
    groups, out = op.attrs["groups"], flow.fresh(op.attrs["out"])
    read = flow.merged(x, 1, 2)
    read = np.broadcast_to(read, (op.in_shapes[0][0], 1, 1))[:, 0, 0]
    if groups > 1:  # channels of one group go together
        flow.tie(*(labels.reshape(groups, -1).max(axis=1) for labels in (out, read)))
        for labels in (out, read):
            flow.merged(labels.reshape(groups, -1), 1)
    axis = read if groups == 1 else None
    flow.owns(out, weight=(out, axis), bias=(out,))
    return out[:, None, None]


def _linear(flow: _Flow, op: Op, x: Labels) -> Labels:
    out = flow.fresh(op.attrs["out"])
    read = flow.merged(x, *range(x.ndim - 1))
    read = np.broadcast_to(read, (*read.shape[:-1], op.in_shapes[0][-1])).reshape(-1)
    flow.owns(out, weight=(out, read), bias=(out,))
    return out


NORMS: Mapping[str, tuple[str, ...]] = {
    "scale": ("gamma",),
    "batch_norm": ("weight", "bias", "running_mean", "running_var"),
}
"""Tensors with one number per channel; of others weight and bias."""


def _norm(last: bool) -> Callable[..., Labels]:
    def of(flow: _Flow, op: Op, x: Labels) -> Labels:
        dim = x.ndim - 1 if last else 0
        others = tuple(d for d in range(x.ndim) if d != dim)
        own = np.broadcast_to(
            flow.merged(x, *others), tuple(n if d == dim else 1 for d, n in enumerate(x.shape))
        ).reshape(-1)
        flow.owns(**dict.fromkeys(NORMS.get(op.kind, ("weight", "bias")), (own,)))
        return x

    return of


def _param(flow: _Flow, op: Op, *images: Labels) -> Labels:
    made = flow.fresh(*op.shape)
    flow.owns(weight=(made,))
    return made


def _concat(flow: _Flow, op: Op, *parts: Labels) -> Labels:
    return np.concatenate(parts, axis=op.attrs.get("dim", 0))


def _pool(flow: _Flow, op: Op, x: Labels) -> Labels:
    return flow.merged(x, 1, 2)


def _attention(flow: _Flow, op: Op, q: Labels, k: Labels, v: Labels, *bias: Labels) -> Labels:
    """A head is one: its scores need all of its queries and keys and weigh all of its values."""
    flow.tie(*(flow.merged(x, x.ndim - 2, x.ndim - 1) for x in (q, k, v, *bias)))
    return flow.merged(v, v.ndim - 2)


def _matmul(flow: _Flow, op: Op, a: Labels, b: Labels) -> Labels:
    return flow.tie(flow.merged(a, a.ndim - 1), flow.merged(b, b.ndim - 2))


def _unfold(flow: _Flow, op: Op, x: Labels) -> Labels:
    return np.repeat(_all(flow.merged(x, 1, 2), op.in_shapes[0][0])[:, :, 0], op.attrs["k"] ** 2, 0)


def _all(x: Labels, n: int) -> Labels:
    """With all n of the first side."""
    return np.broadcast_to(x, (n, *x.shape[1:]))


def _same(flow: _Flow, op: Op, x: Labels) -> Labels:
    return x


def _unlabelled(flow: _Flow, op: Op, *inputs: Labels) -> Labels:
    return np.array(NONE)


#: op kind -> labels of its value from those of its inputs
FLOW: dict[str, Callable[..., Labels]] = {
    "input": _unlabelled,
    "constant": _unlabelled,
    "conv": _conv,
    "linear": _linear,
    "batch_norm": _norm(last=False),
    "group_norm": _norm(last=False),
    "scale": _norm(last=False),
    "layer_norm": _norm(last=True),
    "act": _same,
    "normalize": _same,
    "add": lambda flow, op, *parts: flow.tie(*parts),
    "mul": lambda flow, op, *parts: flow.tie(*parts),
    "concat": _concat,
    "reshape": lambda flow, op, x: x.reshape(op.shape),
    "permute": lambda flow, op, x: x.transpose(op.attrs["dims"]),
    "select": lambda flow, op, x: x[op.attrs["index"]],
    "slice": lambda flow, op, x: x[..., op.attrs["start"] :][..., : op.attrs["size"]],
    "gather": lambda flow, op, x: x[op.attrs["index"]()],
    "roll": lambda flow, op, x: np.roll(x, op.attrs["shift"], (0, 1)),
    "global_pool": _pool,
    "avg_pool": _pool,
    "max_pool": _pool,
    "attention": _attention,
    "matmul": _matmul,
    "unfold": _unfold,
    "param": _param,
}
