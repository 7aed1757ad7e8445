"""Machines that others use, too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

resource = pytest.importorskip("resource", reason="no CPU seconds of other processes")


@pytest.fixture
def busy() -> Iterator[None]:
    """Another process wants a core."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield
    other.kill()
    other.wait()


def run(*words: str, **env: str) -> str:
    """What a Python process says on both streams, started where nothing is set for OpenMP."""
    left = {key: value for key, value in os.environ.items() if not key.startswith("OMP_")}
    done = subprocess.run(
        [sys.executable, *words], env=left | env, capture_output=True, text=True, check=True
    )
    return done.stdout + done.stderr


def cpu_seconds(*words: str, **env: str) -> float:
    """User and system time of `nas WORDS`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run("-m", "nas", *words, **env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return float(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


@pytest.mark.slow
def test_busy_cores(busy: None, tiny: Path) -> None:
    """Spinning threads took twenty times the CPU seconds that one thread takes."""
    asked = ("train", "tiny.yaml", "--recipe", "tinyrec.yaml", "--data", "digits", "--epochs", "1")
    one = cpu_seconds(*asked, "--name", "one", OMP_NUM_THREADS="1")
    found = cpu_seconds(*asked, "--name", "found")
    assert found < 2 * one
    assert not (tiny / "results/one/threads.txt").exists()
    kept = int((tiny / "results/found/threads.txt").read_text())
    assert f"threads: {kept}" in (tiny / "results/found/train.yaml").read_text()


def waiting(code: str, **env: str) -> Mapping[str, str]:
    """What OpenMP says of itself when torch loads it."""
    said = run("-c", code, OMP_DISPLAY_ENV="VERBOSE", **env)
    if "OMP_WAIT_POLICY" not in said:
        pytest.skip("torch's OpenMP does not say how it waits")
    lines = (line.partition("=") for line in said.splitlines() if "=" in line)
    return {key.split()[-1]: value.strip(" '") for key, _, value in lines}


def test_torch_waits_without_spinning() -> None:
    assert waiting("import nas, torch")["OMP_WAIT_POLICY"] == "PASSIVE"


def test_how_to_wait_is_the_users_choice() -> None:
    assert waiting("import nas, torch", OMP_WAIT_POLICY="ACTIVE")["OMP_WAIT_POLICY"] == "ACTIVE"


def test_torch_that_is_there_already_waits_as_it_did() -> None:
    assert (
        waiting("import torch, nas")["OMP_WAIT_POLICY"]
        == waiting("import torch")["OMP_WAIT_POLICY"]
    )
