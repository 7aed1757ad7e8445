"""ExecuTorch on the CPU: XNNPACK for lowered ops, portable kernels for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nas.deploy.runtimes.base import Floats32
from nas.system.capture import capture_output
from nas.system.extras import require


class _Session:
    def __init__(self, method: Any) -> None:
        self.method = method
        self.inputs: list[Any] = []
        self.outputs: Any = ()

    def feed(self, images: Floats32) -> None:
        self.inputs = [require("train").from_numpy(images)]

    def invoke(self) -> None:
        self.outputs = self.method.execute(self.inputs)

    def result(self) -> Floats32:
        logits: Floats32 = self.outputs[0].numpy().copy()
        return logits


def load(path: Path, threads: int) -> _Session:
    """Load a .pte file. The number of threads applies to the whole process."""
    with capture_output():  # it prints warnings when it does not find the CPU's name
        runtime = require("executorch", "executorch.runtime").Runtime
        pool = require("executorch", "executorch.extension.pybindings.portable_lib")
        pool._unsafe_reset_threadpool(threads)
        program = runtime.get().load_program(path)
        return _Session(program.load_method("forward"))
