"""ONNX, opset 18, by torch's exporter; checked with `onnx.checker`."""

from __future__ import annotations

from pathlib import Path

from nas.deploy.export.base import BATCH, INPUT, OUTPUT, Deployed
from nas.system.extras import require

OPSET = 18


def write(deployed: Deployed, path: Path) -> None:
    """Write one `.onnx` file with weights, and input facts as its metadata."""
    torch, onnx = require("train"), require("onnx")
    program = torch.onnx.export(
        deployed.program,
        dynamo=True,
        opset_version=OPSET,
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_shapes=({0: BATCH},) if deployed.batch is None else None,  # names the axis
        verbose=False,
    )
    program.model.metadata_props.update(deployed.images.metadata())
    program.save(str(path), external_data=False)
    onnx.checker.check_model(str(path), full_check=True)
