"""Kernels that a runtime executes for a graph, each of one class, with its work and traffic.

Norms are folded and branches merged first (`nas.graph.fuse.fuse`); an activation after a
convolution or linear layer is part of its kernel. Work and traffic are plain arithmetic on shapes,
so they are scalars for a network and columns for thousands of rows (`nas.space.columns`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from nas.graph.fuse import fuse
from nas.graph.graph import Graph
from nas.graph.ops import MAX_RANK, Op, op_macs, op_params

#: classes that multiply, from cheap to expensive per MAC on most hardware, and that move data
COMPUTE = ("pointwise", "conv", "linear", "depthwise", "grouped", "attention")
MOVE = ("elementwise", "norm", "pool", "memory", "unfold")
CLASSES = COMPUTE + MOVE
UNKNOWN = "unknown"

#: class -> its op kinds; a conv's class follows from its kernel and groups
KINDS_OF: Mapping[str, tuple[str, ...]] = {
    "linear": ("linear",),
    "attention": ("attention", "matmul"),
    "elementwise": ("act", "add", "sub", "mul", "div", "scale"),
    "norm": ("batch_norm", "layer_norm", "group_norm", "normalize"),
    "pool": ("global_pool", "avg_pool", "max_pool", "sum"),
    "memory": (
        *("concat", "reshape", "permute", "select", "slice", "roll", "gather", "upsample"),
        "resample",
    ),
    "unfold": ("unfold",),
}
KIND_CLASS = {kind: cls for cls, kinds in KINDS_OF.items() for kind in kinds}

#: op kinds that launch nothing; their readers count their bytes
STORED = frozenset({"input", "param", "constant"})

BYTES = {"fp32": 4, "fp16": 2, "int8": 1}


class Kernel(NamedTuple):
    """Launches of one op. `cls` is `UNKNOWN` if no class holds its kind."""

    cls: str
    op: Op
    launches: int
    mmacs: Any
    weight_mb: Any
    activation_mb: Any
    """Activations read and written, attention scores included."""

    def work(self, on_chip_mb: float) -> tuple[Any, Any, Any, Any, Any]:
        """Launches, mega-MACs, MB of weights, MB of activations, and MB of them beyond the chip."""
        spilled = np.maximum(self.activation_mb - on_chip_mb, 0)
        return self.launches, self.mmacs, self.weight_mb, self.activation_mb, spilled


def kernels(graph: Graph, bytes_per_element: int, fuses: Collection[str]) -> Iterator[Kernel]:
    """Kernels of a graph as trained, in execution order.

    `fuses` names ops that join the kernel of the convolution or linear layer before them:
    activations, `scale`, `add`.
    """
    fused = fuse(graph)
    readers = fused.consumers()
    pooled: set[int] = set()
    mb = bytes_per_element / 1e6
    for index, op in enumerate(fused.ops):
        if op.kind == "global_pool" or (op.inputs and pooled.issuperset(op.inputs)):
            pooled.add(index)
        if op.kind in STORED or _joins(fused, readers, op, fuses):
            continue
        launches, moved = 1, sum(prod(shape) for shape in op.in_shapes) + prod(op.shape)
        if op.kind == "attention":  # two products and a softmax between them
            launches, moved = 3, moved + 4 * _scores(op)
        macs, weights = op_macs(op) / 1e6, op_params(op) * mb
        yield Kernel(_class(op, op.inputs[0] in pooled), op, launches, macs, weights, moved * mb)


def _joins(graph: Graph, readers: list[list[int]], op: Op, fuses: Collection[str]) -> bool:
    """Whether the op joins the kernel of a conv or linear of its row that only it reads."""
    sources = [i for i in op.inputs if len(readers[i]) == 1 and graph.ops[i].row == op.row]
    after = any(graph.ops[i].kind in ("conv", "linear") for i in sources)
    return after and op.attrs.get("fn", op.kind) in fuses


def _scores(op: Op) -> Any:
    """Elements of the attention matrices: (..., N, M) of q (..., N, D) and k (..., M, D)."""
    (*lead, n, _), k = op.in_shapes[:2]
    return prod(lead) * n * k[-2]


def _class(op: Op, pooled: bool) -> str:
    """Class of an op's kernel; a 1 x 1 conv of a pooled vector (SE, classifiers) is `linear`."""
    if op.attrs.get("fn") == "softmax":
        return "attention"
    if op.kind in ("reshape", "permute") and max(len(op.shape), len(op.in_shapes[0])) > MAX_RANK:
        return "unfold"
    if op.kind != "conv":
        return KIND_CLASS.get(op.kind, UNKNOWN)
    groups, k = op.attrs["groups"], op.attrs["k"]
    if isinstance(groups, int) and groups == 1:
        return "linear" if pooled else "pointwise" if k == 1 else "conv"
    return "depthwise" if np.all(op.in_shapes[0][0] == groups) else "grouped"
