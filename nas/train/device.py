"""Devices to train on by name, mixed precision, and the device of each of several processes.

Torch is imported where it is used: the command line needs `PRECISIONS` without it.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from importlib import metadata
from typing import TYPE_CHECKING

from nas.errors import RecipeError, RuntimeUnavailableError, UnknownNameError, check_names
from nas.system.processes import cores

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext

    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def check_device(name: str) -> None:
    """Check a device's name, and whether this machine may have it, without importing torch.

    Raises:
        UnknownNameError: torch cannot train on it.
        RuntimeUnavailableError: this machine has no such device, or torch is built without it.
    """
    found = re.fullmatch(r"(cpu|cuda|mps)(?::(\d+))?", name)
    if found is None and name != "auto":
        raise UnknownNameError("device to train on", name, DEVICES)
    kind, index = found.groups(default="0") if found else (name, "0")
    if kind == "cuda" and not _may_have_cuda():
        raise RuntimeUnavailableError(f"no CUDA device {index} on this machine")
    if kind == "mps" and sys.platform != "darwin":
        raise RuntimeUnavailableError("no Metal device on this machine")


def _may_have_cuda() -> bool:
    """Whether there is NVIDIA's driver, or a torch that needs another one, or none.

    Raises:
        RuntimeUnavailableError: the installed torch is built for CPUs.
    """
    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return True  # that is the mistake
    if version.endswith("+cpu"):
        raise RuntimeUnavailableError(f"torch {version} is built for CPUs alone")
    if "rocm" in version:
        return True
    driver = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(driver)
    except OSError:
        return False
    return True


def device_of(name: str) -> torch.device:
    """The device of a name. `auto` takes a GPU if there is one, each process another.

    Raises:
        UnknownNameError: torch cannot train on it.
        RuntimeUnavailableError: this machine has no such device.
    """
    import torch

    unknown = UnknownNameError("device to train on", name, DEVICES)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise unknown from None
    if device.type not in ("cpu", "cuda", "mps"):
        raise unknown
    if device.type == "cuda":
        index = int(os.environ.get("LOCAL_RANK", 0)) if device.index is None else device.index
        if index >= torch.cuda.device_count():
            raise RuntimeUnavailableError(f"no CUDA device {index} on this machine")
        torch.cuda.set_device(index)
        return torch.device("cuda", index)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise RuntimeUnavailableError("no Metal device on this machine")
    return device


def precision_of(name: str, device: torch.device) -> str:
    """`auto`: bf16 on GPUs that have it, fp16 on others, fp32 elsewhere.

    Raises:
        UnknownNameError: with the nearest names.
        RecipeError: the device does not support it.
    """
    import torch

    check_names("precision", [name], PRECISIONS)
    if name == "auto":
        if device.type != "cuda":
            return "fp32"
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    if name == "fp16" and device.type == "cpu":
        raise RecipeError("fp16 needs a GPU; on a CPU choose bf16 or fp32")
    return name


def use_cores(n: int) -> None:
    """Set torch's number of threads, whatever OMP_NUM_THREADS was."""
    import torch

    torch.set_num_threads(n)


def share(workers: int) -> int:
    """Threads for each of `workers` processes: its share of the cores, at most torch's setting."""
    import torch

    return min(torch.get_num_threads(), max(1, cores() // workers))


def spawning() -> SpawnContext:
    """Start method of processes that share tensors: a fresh interpreter."""
    from torch import multiprocessing

    context: SpawnContext = multiprocessing.get_context("spawn")
    return context


def assign_device(device: torch.device, index: int) -> torch.device:
    """The device of one of several processes: GPUs are dealt out in turn."""
    import torch

    if device.type != "cuda":
        return device
    return torch.device("cuda", index % torch.cuda.device_count())
