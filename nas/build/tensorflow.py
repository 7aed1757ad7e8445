"""A graph as TensorFlow would run it: what weights that were trained there count on.

Padding is "same", which at stride 2 is not symmetric, and batch norms have eps 1e-3, as in the
reference code of EfficientNet and MobileNetV3. Params and MACs stay as they are.
"""

from __future__ import annotations

from nas.graph import Graph
from nas.ops import Op

EPS = 1e-3


def as_tensorflow(graph: Graph) -> Graph:
    """The graph with TensorFlow's padding and batch norms."""
    return Graph(tuple(_as_tensorflow(op) for op in graph.ops), graph.resolution)


def _as_tensorflow(op: Op) -> Op:
    if op.kind == "conv" and op.attrs["s"] > 1:
        return op._replace(attrs={**op.attrs, "pad": "same"})
    if op.kind == "batch_norm":
        return op._replace(attrs={**op.attrs, "eps": EPS})
    return op
