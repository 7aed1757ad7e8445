"""PyTorch, eager, on the CPU or a CUDA device: runs an exported program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nas.deploy.runtimes.base import Floats32
from nas.errors import RuntimeUnavailableError
from nas.system.capture import capture_output
from nas.system.extras import require


class _Session:
    def __init__(self, torch: Any, module: Any, device: str) -> None:
        self.torch, self.module, self.device = torch, module, device
        self.images: Any = None
        self.logits: Any = None

    def feed(self, images: Floats32) -> None:
        self.images = self.torch.from_numpy(images).to(self.device)

    def invoke(self) -> None:
        with self.torch.inference_mode():
            self.logits = self.module(self.images)
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def result(self) -> Floats32:
        logits: Floats32 = self.logits.cpu().numpy()
        return logits


def load(path: Path, threads: int) -> _Session:
    """Load a .pt2 file on the CPU. The number of threads applies to the whole process."""
    torch = require("train")
    torch.set_num_threads(threads)
    with capture_output():
        return _Session(torch, torch.export.load(path).module(), "cpu")


def load_cuda(path: Path, threads: int) -> _Session:
    """Load a .pt2 file on the current CUDA device, with torch's default for TF32.

    Raises:
        RuntimeUnavailableError: there is no CUDA device.
    """
    torch = require("train")
    if not torch.cuda.is_available():
        raise RuntimeUnavailableError("torch-cuda: torch sees no CUDA device on this machine")
    torch.set_num_threads(threads)
    with capture_output():
        program = torch.export.load(path)
        moved = require("train", "torch.export.passes").move_to_device_pass(program, "cuda")
        return _Session(torch, moved.module(), "cuda")


def name_of_gpu() -> str:
    """Name of the current CUDA device."""
    name: str = require("train").cuda.get_device_name()
    return name
