"""Runtimes that execute exported networks on this machine, by name."""

from __future__ import annotations

from importlib.metadata import version

from nas.deploy.runtimes import executorch, litert, onnxruntime, openvino, torch
from nas.deploy.runtimes.base import Floats32, Runtime, Session, run

__all__ = ["RUNTIMES", "Floats32", "Runtime", "Session", "run"]

RUNTIMES: dict[str, Runtime] = {
    runtime.name: runtime
    for runtime in (
        Runtime("onnxruntime", "onnx", "onnx", onnxruntime.load, lambda: version("onnxruntime")),
        Runtime("litert", "litert", "litert", litert.load, lambda: version("ai-edge-litert")),
        Runtime(
            "executorch", "executorch", "executorch", executorch.load, lambda: version("executorch")
        ),
        Runtime("openvino", "onnx", "openvino", openvino.load, lambda: version("openvino")),
        Runtime("torch", "torch", "train", torch.load, lambda: version("torch")),
        Runtime(
            "torch-cuda",
            "torch",
            "train",
            torch.load_cuda,
            lambda: version("torch"),
            accelerator=torch.name_of_gpu,
        ),
    )
}
