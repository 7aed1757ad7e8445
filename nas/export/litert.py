"""LiteRT (TensorFlow Lite) by `litert-torch`: fp32, or int8 weights.

The int8 form quantises weights per channel and, where XNNPACK has a kernel for it, activations
dynamically at run time (`dynamic_wi8_afp32` of AI Edge Quantizer); it needs no calibration images.
"""

from __future__ import annotations

from pathlib import Path

from nas.export.base import Deployed
from nas.extras import require


def write(deployed: Deployed, path: Path) -> None:
    """Write a `.tflite` file."""
    path.write_bytes(converted(deployed))


def converted(deployed: Deployed) -> bytes:
    """The content of a `.tflite` file; LiteRT itself would end the process on a full disk."""
    litert = require("litert")
    torch = require("train")
    dynamic = None
    if deployed.batch is None:
        dynamic = ({0: torch.export.Dim("batch", min=1, max=64)},)
    model = litert.convert(deployed.module, (deployed.example,), dynamic_shapes=dynamic)
    content: bytes = model.model_content()
    return content


def write_int8(deployed: Deployed, path: Path) -> None:
    """Write a `.tflite` file with int8 weights."""
    quantizer = require("litert", "ai_edge_quantizer.quantizer")
    recipe = require("litert", "ai_edge_quantizer.recipe").dynamic_wi8_afp32()
    quantized = quantizer.Quantizer(bytearray(converted(deployed)), recipe).quantize()
    path.write_bytes(quantized.quantized_model)
