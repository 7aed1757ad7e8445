"""LiteRT (TensorFlow Lite) on the CPU, through its XNNPACK delegate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nas.deploy.runtimes.base import Floats32
from nas.system.capture import capture_output
from nas.system.extras import require


class _Session:
    def __init__(self, interpreter: Any) -> None:
        self.interpreter = interpreter
        self.source = interpreter.get_input_details()[0]["index"]
        self.target = interpreter.get_output_details()[0]["index"]

    def feed(self, images: Floats32) -> None:
        if tuple(self.interpreter.get_input_details()[0]["shape"]) != images.shape:
            self.interpreter.resize_tensor_input(self.source, images.shape)
            self.interpreter.allocate_tensors()
        self.interpreter.set_tensor(self.source, images)

    def invoke(self) -> None:
        self.interpreter.invoke()

    def result(self) -> Floats32:
        logits: Floats32 = self.interpreter.get_tensor(self.target)
        return logits


def load(path: Path, threads: int) -> _Session:
    """Load a .tflite file."""
    module = require("litert", "ai_edge_litert.interpreter")
    with capture_output():  # it prints the name of its delegate
        interpreter = module.Interpreter(str(path), num_threads=threads)
        interpreter.allocate_tensors()
    return _Session(interpreter)
