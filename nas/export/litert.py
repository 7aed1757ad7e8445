"""LiteRT (TensorFlow Lite) by `litert-torch`: fp32, or int8 weights.

The int8 form quantises weights per channel and, where XNNPACK has a kernel for it, activations
dynamically at run time (`dynamic_wi8_afp32` of AI Edge Quantizer); it needs no calibration images.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from nas.export.base import Deployed
from nas.extras import require


def write(deployed: Deployed, path: Path) -> None:
    """Write a `.tflite` file."""
    litert = require("litert")
    torch = require("train")
    dynamic = None
    if deployed.batch is None:
        dynamic = ({0: torch.export.Dim("batch", min=1, max=64)},)
    model = litert.convert(deployed.module, (deployed.example,), dynamic_shapes=dynamic)
    model.export(str(path))


def write_int8(deployed: Deployed, path: Path) -> None:
    """Write a `.tflite` file with int8 weights."""
    quantizer = require("litert", "ai_edge_quantizer.quantizer")
    recipe = require("litert", "ai_edge_quantizer.recipe")
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.tflite"
        write(deployed, full)
        quantized = quantizer.Quantizer(str(full), recipe.dynamic_wi8_afp32()).quantize()
        quantized.export_model(str(path))
