"""Runtimes that execute exported networks on this machine, by name."""

from __future__ import annotations

from nas.deploy.runtimes import executorch, litert, onnxruntime, openvino, torch
from nas.deploy.runtimes.base import Floats32, Runtime, Session, run

__all__ = ["RUNTIMES", "Floats32", "Runtime", "Session", "run"]

RUNTIMES: dict[str, Runtime] = {
    runtime.name: runtime
    for runtime in (
        Runtime("onnxruntime", "onnx", "onnx", onnxruntime.load, "onnxruntime"),
        Runtime("litert", "litert", "litert", litert.load, "ai-edge-litert"),
        Runtime("executorch", "executorch", "executorch", executorch.load, "executorch"),
        Runtime("openvino", "onnx", "openvino", openvino.load, "openvino"),
        Runtime("torch", "torch", "train", torch.load, "torch"),
        Runtime(
            "torch-cuda", "torch", "train", torch.load_cuda, "torch", accelerator=torch.name_of_gpu
        ),
    )
}
