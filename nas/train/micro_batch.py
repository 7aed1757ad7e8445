"""Images per forward pass on a CPU: as many as have room for what the backward pass needs.

A CPU never says that it is out of memory: the system kills the process instead. So the number
follows from the network and not from the free memory, and a repeated training is the same.
"""

from __future__ import annotations

from math import ceil, prod

from nas.graph.graph import Graph

ACTIVATION_BYTES = 1_000_000_000
"""Of activations that one pass keeps for its backward pass."""
FLOAT_BYTES = 4
LEAST = 4
"""Images of a pass, however large they are: batch norms need several."""
VIEWS = {"input", "reshape", "permute", "select", "slice", "constant", "param"}
"""Op kinds whose output is kept anyway, or never."""


def kept_bytes(graph: Graph) -> int:
    """Bytes of activations that the backward pass of one image needs: every op's output."""
    elements = (prod(op.shape) for op in graph.ops if op.kind not in VIEWS)
    return FLOAT_BYTES * int(sum(elements))


def images_with_room(graph: Graph, batch: int, side: int) -> int:
    """Images in each equal part of a batch, if a part must have room at this image side.

    >>> from nas.library import load_arch
    >>> images_with_room(load_arch("mobilenetv3-large").graph, 128, 224)
    16
    """
    scale = (side / graph.ops[0].shape[1]) ** 2
    room = max(LEAST, int(ACTIVATION_BYTES / (scale * kept_bytes(graph))))
    return ceil(batch / ceil(batch / room))
