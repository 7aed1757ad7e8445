"""Real processes: killed at any moment, interrupted, and two that train one supernet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nas.files.resources import WEIGHTS
from nas.modules.checkpoints.weights import read_state

NAS = (sys.executable, "-m", "nas")
SETTINGS = ("--data", "digits", "--batch", "64", "--on", "cpu", "--epochs", "6", "--out")
STOPS = 4


def arguments(table: Path, name: str, *more: str) -> list[str]:
    return ["supernet", str(table), *SETTINGS, str(table.parent), "--name", name, *more]


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}


def finished(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, env=environment(), timeout=200, check=False
    )


@pytest.mark.slow
def test_stopped_at_any_moment_ends_with_the_same_weights(narrow_file: Path) -> None:
    folder, rng = narrow_file.parent, np.random.default_rng(0)
    whole = finished(*NAS, *arguments(narrow_file, "whole"))
    assert whole.returncode == 0, whole.stderr
    log = folder / ".parts.work" / "log.csv"
    for number in range(STOPS):
        command = arguments(narrow_file, "parts", *(["--resume"] if number else []))
        with subprocess.Popen([*NAS, *command], env=environment(), text=True) as process:
            while not log.exists() and process.poll() is None:
                time.sleep(0.02)
            time.sleep(float(rng.uniform(0, 1 if number == 0 else 8)))
            os.kill(process.pid, signal.SIGINT if number == 1 else signal.SIGKILL)
    done = finished(*NAS, *arguments(narrow_file, "parts", "--resume"))
    assert done.returncode == 0, done.stderr
    ours, theirs = (
        read_state(folder / name / "weights.safetensors") for name in ("parts", "whole")
    )
    assert ours.keys() == theirs.keys()
    assert all((ours[key] == theirs[key]).all() for key in ours)


@pytest.mark.slow
def test_two_processes_train_one_supernet(narrow_file: Path) -> None:
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
    done = finished(*torchrun, "2", "-m", "nas", *arguments(narrow_file, "both", "--json"))
    assert done.returncode == 0, done.stderr
    both = json.loads(done.stdout)
    assert both["largest_top1"] > 40  # of ten classes
    assert (narrow_file.parent / "both" / WEIGHTS).exists()
