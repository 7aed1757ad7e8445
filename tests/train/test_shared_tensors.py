"""Jobs that other processes are sent."""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nas.train.shared_tensors import LEAST_BYTES, SharedTensors


@dataclass
class Job:
    tensors: tuple[Tensor, ...]
    name: str


def answer(job: Job, told: Any) -> None:
    """In another process: what arrived, and whether writing to it changes this side's."""
    told.send([float(tensor.double().sum()) for tensor in job.tensors])
    for tensor in job.tensors:
        tensor.zero_()
    told.send(job.name)


@pytest.mark.slow
def test_large_tensors_are_shared_and_small_ones_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))  # the child imports this module
    large = torch.arange(LEAST_BYTES, dtype=torch.int64).view(2, -1).t()  # not contiguous
    half = torch.ones(LEAST_BYTES, dtype=torch.bfloat16)
    small = torch.arange(3)
    before = large.clone()
    job = Job((large, half, small, large), "mine")
    sent = SharedTensors(job)
    assert len(sent.memories) == 2, "the same tensor once"
    assert len(sent.content) < LEAST_BYTES
    spawn = get_context("spawn")
    for _ in range(2):  # another worker gets the same
        heard, told = spawn.Pipe(duplex=False)
        process = spawn.Process(target=answer, args=(sent, told))
        process.start()
        told.close()  # a child that dies ends the pipe
        assert heard.recv() == [float(t.double().sum()) for t in job.tensors]
        assert heard.recv() == "mine"
        process.join()
        assert torch.equal(large, before)
    sent.close()
    assert torch.equal(large, before), "this process keeps what it had"
