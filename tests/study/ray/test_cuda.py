"""Trainings on the GPUs of a cluster's nodes; skipped without a GPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from .conftest import REAL, TEXT, Driver, wait
from .test_pool import SAMPLE, RunHere, run_here

__all__ = ["run_here"]

pytestmark = [
    *REAL,
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

HALVES = TEXT.replace("epochs: 4", "epochs: 30") + (
    "scheduler: {name: none}\non: cuda\nresources: {cpus: 1, gpus: 0.5}\n"
)


def test_two_trainings_share_a_gpu(folder: Path) -> None:
    driver = Driver(folder, None, HALVES)
    process = driver.begin("--json")
    wait(lambda: len(driver.begun()) >= 2)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    (cell,) = json.loads(out)["cells"]
    assert (cell["state"], cell["trials"], cell["failed"]) == ("done", 7, 0)


def test_samples_are_scored_on_a_gpu(nodes: Any, run_here: RunHere) -> None:
    """One GPU runs one of two processes at a time."""
    node = nodes.add_node(num_cpus=2, num_gpus=1)
    short = ("--long", "2", "--epochs", "1", "--on", "cuda", "--address", nodes.address)
    found = run_here(*SAMPLE, *short, "--workers", "2")
    assert all(-1 <= judge["tau"] <= 1 for judge in found["judges"])
    nodes.remove_node(node)


def test_more_gpus_than_there_are_are_refused(folder: Path) -> None:
    code, _, err = Driver(folder, None, HALVES.replace("0.5", "64")).run()
    assert code == 2
    assert "and 64 GPUs of one node" in err
