"""NetAdapt's proposals and the samples of `nas fidelity` on the nodes of a real cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nas.evaluate.fidelity.job import JOURNAL
from nas.library import load_device
from nas.space.arch import Arch

from ...cli.conftest import Nas
from .conftest import REAL, wait

pytestmark = REAL

TABLE = (Path(__file__).parents[2] / "adapt" / "tiny.yaml").read_text(encoding="utf-8")
DEVICE = "sd855-cpu-1t"


def begin(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "nas", *words, "--data", "digits", "--json"],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Any:
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    return json.loads(out)


def test_proposals_go_on_when_a_node_dies(
    nodes: Any, folder: Path, nas: Nas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    two = [nodes.add_node(num_cpus=1) for _ in range(2)]
    (folder / "tiny.yaml").write_text(TABLE, encoding="utf-8")
    few = ("--batch", "64", "--epochs", "1", "--name")
    assert nas("train", "tiny.yaml", "--data", "digits", *few, "start").code == 0
    budget = f"{0.92 * load_device(DEVICE).predict(Arch.from_yaml(TABLE)).ms:.5f}"
    adapt = ("adapt", "results/start", "--budget-ms", budget, "--device", DEVICE, "--delta", "0.05")
    where = ("--address", nodes.address, "--workers", "2", "--steps", "60")
    process = begin(folder, *adapt, *where, *few, "made")
    work = folder / "results" / ".made.work"
    wait(lambda: any(work.glob("proposals/*/*.safetensors")))
    nodes.remove_node(two[0], allow_graceful=False)
    two[0] = nodes.add_node(num_cpus=1)
    found = ended(process)
    assert found["best"]["ms"] <= float(budget) < found["before_ms"]
    for node in two:
        nodes.remove_node(node)


SAMPLE = ("fidelity", "--space", "small.yaml", "--networks", "4", "--zero-cost", "synflow")


def test_samples_are_scored_by_the_nodes_that_are_left(
    nodes: Any, folder: Path, nas: Nas, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is the same as here, with more workers than the cluster can run."""
    two = [nodes.add_node(num_cpus=1) for _ in range(2)]
    short = ("--long", "2", "--epochs", "1", "--name")
    where = ("--address", nodes.address, "--workers", "3")
    there = begin(folder, *SAMPLE, *short, "there", *where)
    wait((folder / "results" / ".there.work" / JOURNAL).exists)
    nodes.remove_node(two[0], allow_graceful=False)
    far = ended(there)
    monkeypatch.chdir(folder)
    near = json.loads(nas(*SAMPLE, *short, "here", "--data", "digits", "--json").out)
    for judge, own in zip(far["judges"], near["judges"], strict=True):
        assert (judge["judge"], judge["tau"]) == (own["judge"], own["tau"])
    nodes.remove_node(two[1])


def test_a_cluster_without_room_is_refused(
    nodes: Any, folder: Path, nas: Nas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    done = nas(*SAMPLE, "--data", "digits", "--address", nodes.address)
    assert "the cluster has 1 x 0 CPUs and 0 GPUs" in done.err
    assert done.code == 2
