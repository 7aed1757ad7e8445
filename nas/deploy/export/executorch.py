"""ExecuTorch, lowered to XNNPACK; ops that XNNPACK lacks run in portable kernels."""

from __future__ import annotations

from pathlib import Path

from nas.deploy.export.base import Deployed
from nas.graph.graph import Graph
from nas.graph.ops import Op, Shape
from nas.system.extras import require

PARTITIONER = "executorch.backends.xnnpack.partition.xnnpack_partitioner"


def write(deployed: Deployed, path: Path) -> None:
    """Write a `.pte` file."""
    exir = require("executorch", "executorch.exir")
    partitioner = require("executorch", PARTITIONER).XnnpackPartitioner()
    graph = with_flat_softmax(deployed.graph)
    rewritten = graph is not deployed.graph
    program = deployed.exported(deployed.module_of(graph)) if rewritten else deployed.program
    lowered = exir.to_edge_transform_and_lower(program, partitioner=[partitioner])
    with path.open("wb") as file:
        lowered.to_executorch().write_to_file(file)


def with_flat_softmax(graph: Graph) -> Graph:
    """Take a map to two dimensions before a softmax of its rows, and back after it.

    XNNPACK computes on a map that a convolution made in its layout, with channels last. There the
    softmax of the last dimension would run over the channels.
    """
    if not any(map(_is_softmax_of_a_map, graph.ops)):
        return graph
    ops: list[Op] = []
    at: list[int] = []  # old index -> new index
    for op in graph.ops:
        moved = op._replace(inputs=tuple(at[i] for i in op.inputs))
        if _is_softmax_of_a_map(op):
            channels, rows, columns = op.shape
            flat = (channels * rows, columns)
            ops.append(_reshape(op, "rows", moved.inputs[0], op.shape, flat))
            ops.append(op._replace(inputs=(len(ops) - 1,), in_shapes=(flat,), shape=flat))
            moved = _reshape(op, "map", len(ops) - 1, flat, op.shape)
        ops.append(moved)
        at.append(len(ops) - 1)
    return Graph(tuple(ops), graph.resolution)


def _reshape(op: Op, name: str, source: int, before: Shape, after: Shape) -> Op:
    attrs = {"shape": after}
    return Op("reshape", f"{op.name}.{name}", op.row, (source,), (before,), after, attrs)


def _is_softmax_of_a_map(op: Op) -> bool:
    return op.attrs.get("fn") == "softmax" and len(op.shape) == 3
