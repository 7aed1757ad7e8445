"""Send a job to other processes of this machine; its large tensors are in shared memory.

The memory is an anonymous file. Torch's own shared memory needs space in /dev/shm, of which a
container has 64 MB.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import tempfile
from multiprocessing import reduction
from typing import IO, Any

import torch
from torch import Tensor

LEAST_BYTES = 1 << 16
"""Smallest tensor that is shared; smaller ones are copied."""

_Place = tuple[int, torch.dtype, tuple[int, ...]]
"""Index of a memory file, and the type and shape of its tensor."""


class SharedTensors:
    """A pickled job and the memory files of its tensors; can be sent to a new process."""

    def __init__(self, job: object) -> None:
        self.memories: list[IO[bytes]] = []
        content = io.BytesIO()
        _Writer(content, self.memories).dump(job)
        self.content = content.getvalue()

    def __reduce__(self) -> tuple[object, ...]:
        handles = [reduction.DupFd(memory.fileno()) for memory in self.memories]
        return _received, (self.content, handles)

    def close(self) -> None:
        """Close the memory files; processes that received them keep theirs."""
        for memory in self.memories:
            memory.close()


class _Writer(pickle.Pickler):
    """Writes each large tensor once, to a memory file of its own."""

    def __init__(self, content: IO[bytes], memories: list[IO[bytes]]) -> None:
        super().__init__(content)
        self._memories = memories
        self._places: dict[int, _Place] = {}

    def persistent_id(self, found: object) -> _Place | None:
        if type(found) is not Tensor or found.device.type != "cpu" or found.requires_grad:
            return None
        if found.nbytes < LEAST_BYTES or not hasattr(reduction, "DupFd"):  # not on Windows
            return None
        if id(found) not in self._places:
            self._places[id(found)] = len(self._memories), found.dtype, tuple(found.shape)
            self._memories.append(_written(found))
        return self._places[id(found)]


class _Reader(pickle.Unpickler):
    def __init__(self, content: IO[bytes], memories: list[int]) -> None:
        super().__init__(content)
        self._memories = memories

    def persistent_load(self, place: _Place) -> Tensor:
        number, dtype, shape = place
        return _mapped(self._memories[number], dtype).view(shape)


def _written(tensor: Tensor) -> IO[bytes]:
    """A memory file with the tensor's values; the tensor itself now uses that memory."""
    named = hasattr(os, "memfd_create")
    memory = open(os.memfd_create("nas"), "w+b") if named else tempfile.TemporaryFile()  # noqa: PTH123, SIM115
    memory.write(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    memory.flush()
    shared = _mapped(memory.fileno(), tensor.dtype).view(tensor.shape)
    tensor.set_(shared.untyped_storage(), 0, shared.shape, shared.stride())
    return memory


def _mapped(handle: int, dtype: torch.dtype) -> Tensor:
    """The values of a memory file; writes of this process stay private (copy on write)."""
    return torch.frombuffer(mmap.mmap(handle, 0, access=mmap.ACCESS_COPY), dtype=dtype)


def _received(content: bytes, handles: list[Any]) -> object:
    memories = [handle.detach() for handle in handles]
    try:
        return _Reader(io.BytesIO(content), memories).load()
    finally:
        for memory in memories:
            os.close(memory)
