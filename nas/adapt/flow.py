"""The flow of channel labels through a graph: one rule per op kind.

The labels of a value are an integer array in its shape, so reshapes, windows and patches are numpy
operations. Axes along which labels repeat are broadcast and take no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from nas.graph.ops import Op

Labels = NDArray[np.int64]
NONE = -1
"""Label of values that no layer made: images and constants."""


@dataclass(frozen=True, slots=True)
class Axes:
    """Labels of the tensors of one op."""

    op: int
    tensors: Mapping[str, tuple[Labels | None, ...]]
    """Tensor -> labels of each axis, or None; a free parameter has one array in its shape."""
    made: Labels | None = None
    """Labels of the channels that the op makes, in order."""


class Flow:
    """Labels so far, and the pairs that are coupled."""

    def __init__(self) -> None:
        self.op = 0
        self.count = 0
        self.axes: list[Axes] = []
        self.slices: list[tuple[int, Labels]] = []
        self.pairs: list[Labels] = []

    def fresh(self, *shape: int) -> Labels:
        """New labels."""
        start, self.count = self.count, self.count + prod(shape)
        return np.arange(start, self.count).reshape(shape)

    def owns(self, *made: Labels, **tensors: tuple[Labels | None, ...]) -> None:
        """Record the tensors of the current op, and the channels that it makes, if any."""
        self.axes.append(Axes(self.op, tensors, made[0] if made else None))

    def tie(self, *arrays: Labels) -> Labels:
        """Couple arrays that an op combines element by element; they are broadcast."""
        # coupled labels are interchangeable: those of the shortest array are kept
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
        """Couple all labels along `dims`; the result has size 1 there."""
        array = _distinct(array)
        top: Labels = array.max(axis=dims, keepdims=True)
        self.tie(top, array)
        return top

    def coupled(self) -> Labels:
        """(labels,) number of the set of coupled channels of each label."""
        return components(self.pairs, self.count)


def components(links: Sequence[Labels], n: int) -> Labels:
    """(n,) number of the connected component of each node."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = np.concatenate([*links, np.empty((2, 0), np.int64)], axis=1)
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _distinct(array: Labels) -> Labels:
    """Reduce axes that are broadcast to size 1."""
    index = tuple(slice(0, 1) if stride == 0 else slice(None) for stride in array.strides)
    return array[index]


def compact(array: Labels) -> Labels:
    """The same array with repeating axes broadcast, so that they take no memory."""
    few = _distinct(array)
    for dim in range(few.ndim):
        first = few.take([0], axis=dim)
        if few.shape[dim] > 1 and (few == first).all():
            few = first
    return np.broadcast_to(few, array.shape)


def _conv(flow: Flow, op: Op, x: Labels) -> Labels:
    groups, out = op.attrs["groups"], flow.fresh(op.attrs["out"])
    read = flow.merged(x, 1, 2)
    read = np.broadcast_to(read, (op.in_shapes[0][0], 1, 1))[:, 0, 0]
    if groups > 1:  # the channels of a group of the convolution are coupled
        flow.tie(*(labels.reshape(groups, -1).max(axis=1) for labels in (out, read)))
        for labels in (out, read):
            flow.merged(labels.reshape(groups, -1), 1)
    axis = read if groups == 1 else None
    flow.owns(out, weight=(out, axis), bias=(out,))
    return out[:, None, None]


def _linear(flow: Flow, op: Op, x: Labels) -> Labels:
    out = flow.fresh(op.attrs["out"])
    read = flow.merged(x, *range(x.ndim - 1))
    read = np.broadcast_to(read, (*read.shape[:-1], op.in_shapes[0][-1])).reshape(-1)
    flow.owns(out, weight=(out, read), bias=(out,))
    return out


NORMS: Mapping[str, tuple[str, ...]] = {
    "scale": ("gamma",),
    "batch_norm": ("weight", "bias", "running_mean", "running_var"),
}
"""Tensors with one number per channel, if they are not weight and bias."""


def _norm(last: bool) -> Callable[..., Labels]:
    def of(flow: Flow, op: Op, x: Labels) -> Labels:
        dim = x.ndim - 1 if last else 0
        others = tuple(d for d in range(x.ndim) if d != dim)
        own = np.broadcast_to(
            flow.merged(x, *others), tuple(n if d == dim else 1 for d, n in enumerate(x.shape))
        ).reshape(-1)
        flow.owns(**dict.fromkeys(NORMS.get(op.kind, ("weight", "bias")), (own,)))
        return x

    return of


def _param(flow: Flow, op: Op, *images: Labels) -> Labels:
    made = flow.fresh(*op.shape)
    flow.owns(weight=(made,))
    return made


def _elementwise(flow: Flow, op: Op, *parts: Labels) -> Labels:
    """Couple what meets; one factor that is repeated along the channels of others is free."""
    varies = [max(_distinct(part).shape[dim] for part in parts) > 1 for dim in range(parts[0].ndim)]
    tied = [
        part
        for part in parts
        if _distinct(part).size > 1
        or not any(n == 1 and own for n, own in zip(part.shape, varies, strict=True))
    ]
    return flow.tie(*tied)


def _concat(flow: Flow, op: Op, *parts: Labels) -> Labels:
    return np.concatenate(parts, axis=op.attrs.get("dim", 0))


def _slice(flow: Flow, op: Op, x: Labels) -> Labels:
    start, dim = op.attrs["start"], op.attrs.get("dim", x.ndim - 1)
    part: Labels = x[(slice(None),) * dim + (slice(start, start + op.attrs["size"]),)]
    if _distinct(x).shape[dim] > 1:  # it divides channels
        flow.slices.append((flow.op, _distinct(part)))
    return part


def _pool(flow: Flow, op: Op, x: Labels) -> Labels:
    return flow.merged(x, 1, 2)


def _attention(flow: Flow, op: Op, q: Labels, k: Labels, v: Labels, *bias: Labels) -> Labels:
    """Couple each head: its scores need all its queries and keys, and weigh all its values.

    The values of a single head are free, since there is no other head that must be as wide. Heads
    that share keys and values may go one by one, and leave them; no head loses channels.
    """
    if prod(op.in_shapes[1][:-2]) < prod(op.shape[:-2]):
        flow.tie(*(flow.merged(x, x.ndim - 2, x.ndim - 1) for x in (k, v)))
        return flow.tie(*(flow.merged(x, x.ndim - 2, x.ndim - 1) for x in (q, *bias)))
    single = q.ndim == 2  # (tokens, channels)
    whole = (q, k, *bias) if single else (q, k, v, *bias)
    flow.tie(*(flow.merged(x, x.ndim - 2, x.ndim - 1) for x in whole))
    return flow.merged(v, v.ndim - 2)


def _matmul(flow: Flow, op: Op, a: Labels, b: Labels) -> Labels:
    return flow.tie(flow.merged(a, a.ndim - 1), flow.merged(b, b.ndim - 2))


def _unfold(flow: Flow, op: Op, x: Labels) -> Labels:
    return np.repeat(_all(flow.merged(x, 1, 2), op.in_shapes[0][0])[:, :, 0], op.attrs["k"] ** 2, 0)


def _all(x: Labels, n: int) -> Labels:
    """Broadcast the first axis to size `n`."""
    return np.broadcast_to(x, (n, *x.shape[1:]))


def _same(flow: Flow, op: Op, x: Labels) -> Labels:
    return x


def _unlabelled(flow: Flow, op: Op, *inputs: Labels) -> Labels:
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
    "add": _elementwise,
    "sub": _elementwise,
    "mul": _elementwise,
    "div": _elementwise,
    "concat": _concat,
    "reshape": lambda flow, op, x: x.reshape(op.shape),
    "permute": lambda flow, op, x: x.transpose(op.attrs["dims"]),
    "select": lambda flow, op, x: x[op.attrs["index"]],
    "slice": _slice,
    "sum": lambda flow, op, x: flow.merged(x, x.ndim - 1),
    "gather": lambda flow, op, x: x[op.attrs["index"]()],
    "roll": lambda flow, op, x: np.roll(x, op.attrs["shift"], (0, 1)),
    "global_pool": _pool,
    "avg_pool": _pool,
    "max_pool": _pool,
    "upsample": _pool,
    "attention": _attention,
    "matmul": _matmul,
    "unfold": _unfold,
    "param": _param,
}
