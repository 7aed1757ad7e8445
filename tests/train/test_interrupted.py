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

NAS = (sys.executable, "-m", "nas")
TINY = Path(__file__).parents[1] / "adapt" / "tiny.yaml"
TRAIN = ("train", str(TINY), "--data", "digits", "--batch", "32", "--on", "cpu")


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1"}


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env=environment(), timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_killed_and_resumed_ends_with_the_same_accuracy(tmp_path: Path) -> None:
    asked = (*NAS, *TRAIN, "--epochs", "4", "--json", "--out", ".")
    whole = json.loads(run(*asked, "--name", "whole", cwd=tmp_path))
    log = tmp_path / ".parts.work" / "seed0" / "log.csv"
    with subprocess.Popen(
        [*asked, "--name", "parts"], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE
    ) as process:
        while not log.exists() or len(log.read_text().splitlines()) < 3:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "parts").exists()
    again = subprocess.run(
        [*asked, "--name", "parts"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert again.returncode == 2
    assert "use --resume to continue it" in again.stderr
    parts = json.loads(run(*asked, "--name", "parts", "--resume", cwd=tmp_path))
    assert parts["judged"] == whole["judged"]
    assert parts["test"] == whole["test"]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["parts", "whole"]


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path: Path) -> None:
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")
    out = run(
        *torchrun, "--master-port", "29517", "-m", "nas",
        *TRAIN, "--epochs", "3", "--json", "--name", "both", "--out", ".",
        cwd=tmp_path,
    )  # fmt: skip
    both = json.loads(out)
    alone = json.loads(
        run(*NAS, *TRAIN, "--epochs", "3", "--json", "--name", "one", "--out", ".", cwd=tmp_path)
    )
    assert abs(both["judged"]["top1"] - alone["judged"]["top1"]) < 25
    assert both["judged"]["top1"] > 20  # ten classes
    assert (tmp_path / "both" / "seed0" / "weights.safetensors").exists()
