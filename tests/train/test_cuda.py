"""The same code on a GPU; elsewhere skipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas.evaluate.proxies import PROXIES, score
from nas.space.arch import Arch
from nas.train.device import device_of, precision_of
from nas.train.loop import Setting
from nas.train.run import Task, TrainingRun

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_it_learns_on_cuda(
    quick: Task, tiny: Arch, tmp_path: Path, precision: str, compiled: bool
) -> None:
    task = replace(quick, setting=Setting(device_of("cuda"), precision, compile=compiled))
    training = TrainingRun(task, task.fit(tiny), tmp_path, epochs=6).train()
    assert training.history[-1].val_top1 > 50
    again = TrainingRun(task, task.fit(tiny), tmp_path, epochs=6).train()
    assert again.history == training.history


def test_memory_of_a_gpu_runs_out_with_one_message(task: Task, tiny: Arch, tmp_path: Path) -> None:
    task = replace(task, setting=Setting(device_of("cuda")))
    torch.cuda.set_per_process_memory_fraction(1e-4)
    try:
        with pytest.raises(Exception, match="out of memory with"):
            TrainingRun(task, task.fit(tiny), tmp_path, epochs=1).train()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.parametrize("name", PROXIES)
def test_proxies_score_on_cuda(task: Task, tiny: Arch, name: str) -> None:
    task = replace(task, setting=Setting(device_of("cuda")))
    fitted = task.fit(tiny)
    assert score(fitted, name, task.batches(fitted.input[1])) > -1e9


def test_auto_is_mixed_precision() -> None:
    assert precision_of("auto", device_of("auto")) in ("bf16", "fp16")
