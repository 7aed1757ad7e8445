"""Static costs of a graph: parameters, multiply-adds and peak memory, each a fold over its ops."""

from __future__ import annotations

from math import prod
from typing import Any

from nas.graph.graph import Graph
from nas.graph.ops import op_macs, op_params


def params(graph: Graph) -> Any:
    """Trainable parameters."""
    return sum(op_params(op) for op in graph.ops)


def macs(graph: Graph) -> Any:
    """Multiply-adds of one image, with attention's two products and without norms."""
    return sum(op_macs(op) for op in graph.ops)


def row_costs(graph: Graph, rows: int) -> list[dict[str, int]]:
    """`params` and `macs` of each of a network's rows."""
    costs = [{"params": 0, "macs": 0} for _ in range(rows)]
    for op in graph.ops[1:]:
        costs[op.row]["params"] += int(op_params(op))
        costs[op.row]["macs"] += int(op_macs(op))
    return costs


def peak_activation_elements(graph: Graph) -> Any:
    """Largest number of activation elements alive at once, executing in graph order.

    An op's inputs and output are alive together, and a tensor dies after its last reader. No op is
    assumed to run in place, although a runtime may do so.
    """
    last = {i: max(readers, default=i) for i, readers in enumerate(graph.consumers())}
    if graph.ops:
        last[graph.out % len(graph.ops)] = len(graph.ops)  # rows below read it
    alive = peak = graph.waiting
    for index, op in enumerate(graph.ops):
        alive = alive + prod(op.shape)  # not in place: it may be a column, and the peak so far
        peak = max(peak, alive)
        for source in {i for i in op.inputs if last[i] == index}:
            alive = alive - prod(graph.ops[source].shape)
    return peak
