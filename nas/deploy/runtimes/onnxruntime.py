"""ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nas.deploy.runtimes.base import Floats32
from nas.system.extras import require

QUIET = 3
"""Log errors only."""


class _Session:
    def __init__(self, session: Any) -> None:
        self.session = session
        self.binding = session.io_binding()

    def feed(self, images: Floats32) -> None:
        self.binding.bind_cpu_input(self.session.get_inputs()[0].name, images)
        self.binding.bind_output(self.session.get_outputs()[0].name)

    def invoke(self) -> None:
        self.session.run_with_iobinding(self.binding)

    def result(self) -> Floats32:
        logits: Floats32 = self.binding.copy_outputs_to_cpu()[0]
        return logits


def load(path: Path, threads: int) -> _Session:
    """Load an ONNX file."""
    ort = require("onnx", "onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = QUIET
    return _Session(ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]))
