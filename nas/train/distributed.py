"""Several processes that train one network: what they exchange, and how they fail together.

Every process computes its gradients alone. Then all say whether they could, and only then the
gradients are averaged. So no process waits for one that is out of memory or found a damaged image,
as it would inside the backward pass of `DistributedDataParallel`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed, nn

from nas.errors import TrainingError

FINE, OUT_OF_MEMORY, FAILED = range(3)
"""Outcomes of a process's work; the largest of all processes counts."""


@contextmanager
def processes(device: torch.device) -> Iterator[int]:
    """This process's rank among those that `torchrun` started; 0 if it started none."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield 0
        return
    # a GPU does not wait for what the processes tell each other between two steps
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield rank()
    finally:
        distributed.destroy_process_group()


def world() -> int:
    """Number of processes of this training."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Rank of this process; rank 0 writes the files."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def wait_for_others() -> None:
    """Wait until every process of this training calls this."""
    if distributed.is_initialized():
        distributed.barrier()


@contextmanager
def together() -> Iterator[None]:
    """Wait for the other processes after this block; if it fails in one of them, it fails in all.

    The block must not exchange anything with them.

    Raises:
        MemoryError: another process is out of memory.
        TrainingError: another process failed.
    """
    if world() == 1:
        yield
        return
    error, own = None, FINE
    try:
        yield
    except Exception as failure:
        error, own = failure, OUT_OF_MEMORY if is_of_memory(failure) else FAILED
    said = torch.tensor(own)
    distributed.all_reduce(said, distributed.ReduceOp.MAX)
    worst = int(said)
    if error is not None and own == worst:
        raise error
    if worst == OUT_OF_MEMORY:
        raise MemoryError("another process of this training is out of memory")
    if worst == FAILED:
        raise TrainingError("another process of this training failed") from error


def is_of_memory(error: BaseException) -> bool:
    """Whether a process ran out of memory, its own or a device's."""
    return (
        isinstance(error, torch.OutOfMemoryError | MemoryError)
        or "can't allocate memory" in str(error)
        or "not enough memory" in str(error)
    )


def gradients(parameters: Iterable[nn.Parameter]) -> Tensor | None:
    """All gradients as one vector, to be averaged; None if there is one process."""
    if world() == 1:
        return None
    return torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])


def average(vector: Tensor, parameters: Iterable[nn.Parameter]) -> None:
    """Set the gradients to their mean over all processes."""
    mean, start = mean_of_all(vector), 0
    for own in (p.grad for p in parameters if p.grad is not None):
        own.copy_(mean[start : start + own.numel()].view_as(own))
        start += own.numel()


def mean_of_all(own: Tensor) -> Tensor:
    """Mean over all processes; NaN if one process has NaN."""
    if world() == 1:
        return own
    total = own.clone()
    distributed.all_reduce(total)
    return total / world()
