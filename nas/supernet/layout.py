"""How the tensors of an op are laid out: which sizes a narrower network has less of.

A narrower tensor is the first part of a wider one along each axis, and the centre along a kernel.
An axis that holds several parts after one another is several axes here, each with a first part of
its own: the queries, keys and values of attention, its heads, and equal parts of a concatenation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nas.graph.graph import Graph
from nas.graph.ops import KINDS, Op, Shape

KEEPS = frozenset({"act", "batch_norm", "layer_norm", "group_norm", "scale", "add", "mul"})
"""Kinds whose output has the parts of their first input."""
ON_LAST = frozenset({"linear", "layer_norm"})
"""Kinds whose weights belong to the last dimension; those of others belong to the first."""


class Layout(NamedTuple):
    """One trained tensor of an op."""

    op: Op
    tensor: str
    shape: Shape
    """Shape in the module."""
    sizes: Shape
    """Shape with axes of several parts taken apart; it holds as many elements."""
    kernel: int
    """Number of last axes along which a narrower network has the centre."""


class Parts(NamedTuple):
    """Parts that make up the first and the last dimension of a value."""

    first: Shape
    last: Shape


def layouts(graph: Graph) -> Iterator[Layout]:
    """The layout of every trained tensor, in the order of the ops; sizes may be columns."""
    readers = graph.consumers()
    parts: list[Parts] = []
    for index, op in enumerate(graph.ops):
        read = [
            # a row's weights do not depend on the rows above
            parts[i] if graph.ops[i].row == op.row else _whole(shape)
            for i, shape in zip(op.inputs, op.in_shapes, strict=True)
        ]
        following = graph.ops[readers[index][0]] if len(readers[index]) == 1 else None
        parts.append(_made(op, read, following))
        for tensor, shape in KINDS[op.kind].weights(op).items():
            axes = _axes(op, tensor, shape, read, parts[index])
            kernel = 2 if op.kind == "conv" and tensor == "weight" else 0
            yield Layout(op, tensor, shape, tuple(size for axis in axes for size in axis), kernel)


def _axes(op: Op, tensor: str, shape: Shape, read: list[Parts], made: Parts) -> list[Shape]:
    """Parts of each axis of a tensor."""
    axes: list[Shape] = [(size,) for size in shape]
    if op.kind != "param":
        axes[0] = made.last if op.kind in ON_LAST else made.first
    if tensor == "weight" and _mixes_channels(op):
        axes[1] = read[0].last if op.kind in ON_LAST else read[0].first
    return axes


def _mixes_channels(op: Op) -> bool:
    """Whether each channel of the output reads all of the input."""
    return op.kind == "linear" or (op.kind == "conv" and bool(op.attrs["groups"] == 1))


def _is_depthwise(op: Op) -> bool:
    channels = op.in_shapes[0][0]
    return bool(op.attrs["groups"] == channels) and bool(op.attrs["out"] == channels)


def _whole(shape: Shape) -> Parts:
    """A value whose dimensions have one part."""
    return Parts(shape[:1], shape[-1:])


def _made(op: Op, read: list[Parts], following: Op | None) -> Parts:
    """Parts of an op's output; `following` is the only op that reads it."""
    plain, lead = _whole(op.shape), len(op.shape) - 1
    if op.kind == "linear" and following is not None and following.kind == "reshape":
        split = _equal(following.shape[:lead], op.shape[:lead])
        return plain._replace(last=following.shape[lead:]) if split else plain
    if (op.kind == "conv" and _is_depthwise(op)) or (
        op.kind in KEEPS and len(op.shape) == len(op.in_shapes[0])
    ):
        return read[0]
    if op.kind == "concat" and "dim" not in op.attrs:
        first, *others = (shape[0] for shape in op.in_shapes)
        if all(other == first for other in others):
            return plain._replace(first=(len(others) + 1, first))
    if op.kind == "reshape" and len(op.in_shapes[0]) > len(op.shape):
        merged = op.in_shapes[0]
        return (
            plain._replace(last=merged[lead:]) if _equal(merged[:lead], op.shape[:lead]) else plain
        )
    return plain


def _equal(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(x == y for x, y in zip(a, b, strict=True))
