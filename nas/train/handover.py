"""A job sent to other processes of this machine; its large tensors lie in memory that all share.

The memory is a file without a name. Torch's own way takes room in /dev/shm, of which a container
has 64 MB.
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
"""Of a tensor that is shared; smaller ones are copied."""

_Place = tuple[int, torch.dtype, tuple[int, ...]]
"""Number of a memory, and what is in it."""


class Handover:
    """A job as bytes, and the memory beside them; it can be sent to a process that begins."""

    def __init__(self, job: object) -> None:
        self.memories: list[IO[bytes]] = []
        content = io.BytesIO()
        _Writer(content, self.memories).dump(job)
        self.content = content.getvalue()

    def __reduce__(self) -> tuple[object, ...]:
        handles = [reduction.DupFd(memory.fileno()) for memory in self.memories]
        return _received, (self.content, handles)

    def close(self) -> None:
        """Let go of the memory; who has been sent it keeps it."""
        for memory in self.memories:
            memory.close()


class _Writer(pickle.Pickler):
    """Large tensors are written to a memory each, once."""

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
    """A memory with a tensor's numbers; this process has them there, too, and no longer twice."""
    named = hasattr(os, "memfd_create")
    memory = open(os.memfd_create("nas"), "w+b") if named else tempfile.TemporaryFile()  # noqa: PTH123, SIM115
    memory.write(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    memory.flush()
    shared = _mapped(memory.fileno(), tensor.dtype).view(tensor.shape)
    tensor.set_(shared.untyped_storage(), 0, shared.shape, shared.stride())
    return memory


def _mapped(handle: int, dtype: torch.dtype) -> Tensor:
    """What a memory holds; what this process writes to it, others do not see."""
    return torch.frombuffer(mmap.mmap(handle, 0, access=mmap.ACCESS_COPY), dtype=dtype)


def _received(content: bytes, handles: list[Any]) -> object:
    memories = [handle.detach() for handle in handles]
    try:
        return _Reader(io.BytesIO(content), memories).load()
    finally:
        for memory in memories:
            os.close(memory)
