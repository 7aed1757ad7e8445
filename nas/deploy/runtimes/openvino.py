"""OpenVINO on the CPU, in full precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nas.deploy.runtimes.base import Floats32
from nas.system.extras import require


class _Session:
    def __init__(self, request: Any) -> None:
        self.request = request

    def feed(self, images: Floats32) -> None:
        tensor = require("openvino").Tensor(images, shared_memory=False)
        self.request.set_input_tensor(tensor)

    def invoke(self) -> None:
        self.request.infer()

    def result(self) -> Floats32:
        logits: Floats32 = self.request.get_output_tensor().data.copy()
        return logits


def load(path: Path, threads: int) -> _Session:
    """Load an ONNX file."""
    openvino = require("openvino")
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",  # the default is bf16 if the CPU supports it
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(str(path), "CPU", settings)
    return _Session(compiled.create_infer_request())
