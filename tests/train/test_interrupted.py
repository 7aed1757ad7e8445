"""Real processes: killed in the middle, and several that train one network."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..cli.conftest import Nas, here, nas

__all__ = ["here", "nas"]

NAS = (sys.executable, "-m", "nas")
TINY = Path(__file__).parents[1] / "adapt" / "tiny.yaml"
TRAIN = ("train", str(TINY), "--data", "digits", "--batch", "32", "--on", "cpu")


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_killed_and_resumed_ends_with_the_same_accuracy(nas: Nas, here: Path) -> None:
    asked = (*TRAIN, "--epochs", "3", "--json", "--out", ".")
    whole = json.loads(nas(*asked, "--name", "whole").out)
    log = here / ".parts.work" / "seed0" / "log.csv"
    with subprocess.Popen([*NAS, *asked, "--name", "parts"], env=environment()) as process:
        while not log.exists() or len(log.read_text().splitlines()) < 2:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert not (here / "parts").exists()
    again = nas(*asked, "--name", "parts")
    assert again.code == 2
    assert "use --resume to continue it" in again.err
    parts = json.loads(nas(*asked, "--name", "parts", "--resume").out)
    assert parts["judged"] == whole["judged"]
    assert parts["test"] == whole["test"]
    assert [path.name for path in sorted(here.iterdir())] == ["parts", "whole"]


@pytest.mark.slow
def test_two_processes_train_one_network(nas: Nas, here: Path) -> None:
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")
    asked = (*TRAIN, "--epochs", "3", "--json", "--out", ".")
    done = subprocess.run(
        [*torchrun, "--master-port", "29517", "-m", "nas", *asked, "--name", "both"],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    both = json.loads(done.stdout)
    alone = json.loads(nas(*asked, "--name", "one").out)
    assert abs(both["judged"]["top1"] - alone["judged"]["top1"]) < 25
    assert both["judged"]["top1"] > 20  # ten classes
    assert (here / "both" / "seed0" / "weights.safetensors").exists()
