"""LiteRT (TensorFlow Lite) by `litert-torch`: fp32, or int8 weights.

The int8 format quantises weights per channel and, if XNNPACK has a kernel, activations dynamically
at run time (`dynamic_wi8_afp32` of AI Edge Quantizer). It needs no calibration images.
"""

from __future__ import annotations

from pathlib import Path

from nas.deploy.export.base import Deployed
from nas.graph.graph import Graph
from nas.graph.ops import Op, Shape
from nas.system.extras import require

MAX_BATCH = 64
"""Upper bound of a dynamic batch."""
TOKENWISE = frozenset({"linear", "layer_norm", "act", "add", "reshape"})
"""Kinds that do not depend on how tokens are grouped."""


def write(deployed: Deployed, path: Path) -> None:
    """Write a `.tflite` file."""
    path.write_bytes(converted(deployed))


def converted(deployed: Deployed) -> bytes:
    """The content of a `.tflite` file; LiteRT would end the process on a full disk."""
    module = deployed.module_of(without_lone_tokens(deployed.graph))
    shapes = deployed.dynamic_shapes(min=1, max=MAX_BATCH)
    model = require("litert").convert(module, (deployed.example,), dynamic_shapes=shapes)
    content: bytes = model.model_content()
    return content


def without_lone_tokens(graph: Graph) -> Graph:
    """Replace groups of one token each by one group of all tokens.

    A patch as large as the map gives groups of one token. The converter drops the dimension of 1
    from products and then refuses their rank. Attention to a single key returns its value.
    """
    lone = [_in_one_group(op.shape) != op.shape for op in graph.ops]
    keys = [
        op.kind == "attention" and op.in_shapes[1][-2] == 1 and op.in_shapes[2] == op.shape
        for op in graph.ops
    ]
    readers = (op for op in graph.ops if any(lone[i] for i in op.inputs))
    if not any(keys) or any(op.kind not in TOKENWISE for op in readers):
        return graph
    ops: list[Op] = []
    at: list[int] = []  # old index -> new index
    for op, one_key in zip(graph.ops, keys, strict=True):
        inputs = tuple(at[i] for i in op.inputs)
        if one_key:
            at.append(inputs[2])
            continue
        shape = _in_one_group(op.shape)
        attrs = {**op.attrs, "shape": shape} if op.kind == "reshape" else op.attrs
        shapes = tuple(ops[i].shape for i in inputs)
        ops.append(op._replace(inputs=inputs, in_shapes=shapes, shape=shape, attrs=attrs))
        at.append(len(ops) - 1)
    return Graph(tuple(ops), graph.resolution)


def _in_one_group(shape: Shape) -> Shape:
    """Change (groups, 1, C) to (1, groups, C)."""
    return (1, shape[0], shape[2]) if len(shape) == 3 and shape[1] == 1 < shape[2] else shape


def write_int8(deployed: Deployed, path: Path) -> None:
    """Write a `.tflite` file with int8 weights."""
    quantizer = require("litert", "ai_edge_quantizer.quantizer")
    recipe = require("litert", "ai_edge_quantizer.recipe").dynamic_wi8_afp32()
    quantized = quantizer.Quantizer(bytearray(converted(deployed)), recipe).quantize()
    path.write_bytes(quantized.quantized_model)
