"""NetAdapt's proposals and the samples of `nas fidelity` on the nodes of a real cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nas.evaluate.fidelity.job import JOURNAL
from nas.library import load_device
from nas.space.arch import Arch

from ...cli.conftest import Nas
from .conftest import REAL, meanwhile, wait

pytestmark = REAL

TABLE = (Path(__file__).parents[2] / "adapt" / "tiny.yaml").read_text(encoding="utf-8")
DEVICE = "sd855-cpu-1t"
RunHere = Callable[..., Any]


SAMPLE = (
    *("fidelity", "--space", "small.yaml", "--networks", "4", "--zero-cost", "synflow"),
    *("--data", "digits", "--images", "300", "--batch", "32", "--json"),
)


@pytest.fixture
def run_here(folder: Path, nas: Nas, monkeypatch: pytest.MonkeyPatch) -> RunHere:
    """Runs a command in the folder, and returns the JSON that it prints."""
    monkeypatch.chdir(folder)

    def run(*words: str) -> Any:
        done = nas(*words)
        assert done.code == 0, done.err
        return json.loads(done.out)

    return run


def test_a_cluster_without_room_is_refused(
    nodes: Any, folder: Path, nas: Nas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for node in [*nodes.worker_nodes]:
        nodes.remove_node(node)
    done = nas(*SAMPLE, "--address", nodes.address)
    assert "the cluster has 1 x 0 CPUs and 0 GPUs" in done.err
    assert done.code == 2


def test_proposals_go_on_when_a_node_dies(
    nodes: Any, two: list[Any], folder: Path, run_here: RunHere
) -> None:
    (folder / "tiny.yaml").write_text(TABLE, encoding="utf-8")
    short = ("--data", "digits", "--batch", "64", "--epochs", "1", "--json", "--name")
    run_here("train", "tiny.yaml", *short, "start")
    budget = f"{0.92 * load_device(DEVICE).predict(Arch.from_yaml(TABLE)).ms:.5f}"
    adapt = ("adapt", "results/start", "--budget-ms", budget, "--device", DEVICE, "--delta", "0.05")
    where = ("--address", nodes.address, "--workers", "2", "--steps", "20")
    work = folder / "results" / ".made.work"

    def kill() -> None:
        wait(lambda: any(work.glob("proposals/*/*.safetensors")), pause=0.01)
        nodes.remove_node(two[0], allow_graceful=False)

    with meanwhile(kill):
        found = run_here(*adapt, *where, *short, "made")
    assert found["best"]["ms"] <= float(budget) < found["before_ms"]


def test_samples_are_scored_by_the_nodes_that_are_left(
    nodes: Any, two: list[Any], folder: Path, run_here: RunHere
) -> None:
    """The result is the same as here, with more workers than the cluster can run."""
    short = ("--long", "2", "--epochs", "1", "--name")

    def kill() -> None:
        wait((folder / "results" / ".there.work" / JOURNAL).exists, pause=0.01)
        nodes.remove_node(two[0], allow_graceful=False)

    with meanwhile(kill):
        far = run_here(*SAMPLE, *short, "there", "--address", nodes.address, "--workers", "3")
    near = run_here(*SAMPLE, *short, "here")
    for judge, own in zip(far["judges"], near["judges"], strict=True):
        assert (judge["judge"], judge["tau"]) == (own["judge"], own["tau"])
