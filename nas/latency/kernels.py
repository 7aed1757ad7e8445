"""What a runtime executes of a graph: kernels, each of one class, with its work and traffic.

Norms are folded and branches merged first (`nas.rewrite.fuse`); an activation after a convolution
or linear layer is part of its kernel. Work and traffic are plain arithmetic on shapes, so they are
scalars for a network and columns for thousands of rows (`nas.columns`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from nas.graph import Graph
from nas.ops import Op, op_macs, op_params
from nas.rewrite import fuse

#: classes that multiply, from cheap to dear per MAC on most hardware; then those that move data
COMPUTE = ("pointwise", "conv", "linear", "depthwise", "grouped", "attention")
MOVE = ("elementwise", "norm", "pool", "memory")
CLASSES = COMPUTE + MOVE

#: op kind -> class; a conv's class follows from its kernel and groups
KIND_CLASS: Mapping[str, str] = {
    "linear": "linear",
    "attention": "attention",
    "batch_norm": "norm",
    "layer_norm": "norm",
    "act": "elementwise",
    "add": "elementwise",
    "mul": "elementwise",
    "global_pool": "pool",
    "avg_pool": "pool",
    "max_pool": "pool",
    "concat": "memory",
    "reshape": "memory",
    "permute": "memory",
    "select": "memory",
}

BYTES = {"fp32": 4, "fp16": 2, "int8": 1}


class Kernel(NamedTuple):
    """One launch. `cls` is None for an op kind that no class holds."""

    cls: str | None
    op: Op
    mmacs: Any
    weight_mb: Any
    activation_mb: Any
    """Read and written, attention scores included."""


def kernels(graph: Graph, bytes_per_element: int) -> Iterator[Kernel]:
    """Kernels of a graph as trained, in execution order."""
    fused = fuse(graph)
    readers = fused.consumers()
    pooled: set[int] = set()
    mb = bytes_per_element / 1e6
    for index, op in enumerate(fused.ops):
        if op.kind == "global_pool" or (op.inputs and pooled.issuperset(op.inputs)):
            pooled.add(index)
        if op.kind == "input" or _fuses_into_input(fused, readers, op):
            continue
        cls = _conv_class(op, op.inputs[0] in pooled) if op.kind == "conv" else None
        moved = sum(prod(shape) for shape in op.in_shapes) + prod(op.shape)
        if op.kind == "attention":
            *lead, n, _ = op.in_shapes[0]
            moved = moved + 2 * prod(lead) * n * n
        yield Kernel(
            cls or KIND_CLASS.get(op.kind),
            op,
            op_macs(op) / 1e6,
            op_params(op) * mb,
            moved * mb,
        )


def _fuses_into_input(graph: Graph, readers: list[list[int]], op: Op) -> bool:
    """An activation of the same row after a conv or linear that nothing else reads."""
    source = graph.ops[op.inputs[0]]
    sole = len(readers[op.inputs[0]]) == 1 and source.row == op.row
    return op.kind == "act" and sole and source.kind in ("conv", "linear")


def _conv_class(op: Op, pooled: bool) -> str:
    """On a pooled vector (SE, classifiers) a 1 x 1 conv is a linear layer."""
    groups, k = op.attrs["groups"], op.attrs["k"]
    if isinstance(groups, int) and groups == 1:
        return "linear" if pooled else "pointwise" if k == 1 else "conv"
    return "depthwise" if np.all(op.in_shapes[0][0] == groups) else "grouped"
