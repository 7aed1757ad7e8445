"""Disks and shared memory that are full, and places that others write to or that are not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from .conftest import Nas

NAS = f"{sys.executable} -m nas"
TRAIN = "train tiny.yaml --recipe tinyrec.yaml --data a.npz"
SEARCH = (
    "search --space tinyspace.yaml --budget-ms 5 --device sd855-cpu-1t --recipe tinyrec.yaml"
    " --trials 2 --epochs 1 --finalists 1 --seeds 1"
)


@pytest.fixture(scope="module")
def mounted() -> tuple[str, ...]:
    """A command in front of a shell's: what that mounts, nobody else sees."""
    for own in ("-m", "-rm"):
        command = ("unshare", own)
        asked = (*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt")
        try:
            if subprocess.run(asked, capture_output=True).returncode == 0:
                return command
        except FileNotFoundError:
            break
    pytest.skip("nothing may be mounted here")


WARM = """
import os, sys
import nas.study.resumable, nas.train.run, nas.report.folders.write_search
from nas.cli.main import main

def nas(words):
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.argv = ["nas", *words.split()]
    main()
"""


def processes(program: str, *before: str) -> tuple[int, str]:
    """Exit code of a program, and all that it prints.

    In it, `nas(words)` runs a command in a process of its own, which has everything imported.
    """
    command = [*before, sys.executable, "-c", WARM + program]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def shell(text: str, *before: str) -> tuple[int, str]:
    """Exit code of a shell's commands, and all that they print."""
    done = subprocess.run([*before, "bash", "-c", text], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def no_traceback(said: str) -> str:
    assert "Traceback" not in said, said
    return said


@pytest.mark.slow
def test_full_disk(tiny: Path, mounted: tuple[str, ...]) -> None:
    """When the store is opened, an epoch is logged, and a checkpoint is written."""
    sizes = ["32k", "140k", "210k"]
    code, said = processes(
        f"""
for size in {sizes}:
    os.mkdir(size)
    os.system(f"mount -t tmpfs -o size={{size}} tmpfs {{size}}")
    asked = f"{SEARCH} --data a.npz --name x --out {{size}}"
    assert nas(asked) == 2
    os.system(f"mount -o remount,size=9m {{size}}")
    assert nas(asked + " --resume") == 0
    assert os.path.exists(f"{{size}}/x/best.yaml")
""",
        *mounted,
    )
    assert code == 0, said
    full = [line for line in no_traceback(said).splitlines() if "cannot be written" in line]
    assert [line.partition("/")[0] for line in full] == [f"nas: {size}" for size in sizes], said
    advice = "free some space, then add --resume to the same command"
    assert all(line.endswith(advice) for line in full), said


@pytest.mark.slow
def test_full_disk_of_workers_and_of_a_training(tiny: Path, mounted: tuple[str, ...]) -> None:
    commands = [f"{SEARCH} --data a.npz --workers 2", f"{TRAIN} --epochs 1"]
    code, said = processes(
        f"""
for command in {commands}:
    os.makedirs("d", exist_ok=True)
    os.system("mount -t tmpfs -o size=30k tmpfs d")
    assert nas(command + " --out d --name x") == 2
""",
        *mounted,
    )
    assert code == 0, said
    assert no_traceback(said).count("add --resume to the same command") == len(commands)


@pytest.mark.slow
def test_shm(tiny: Path, mounted: tuple[str, ...]) -> None:
    """It is small, and then nobody may write there."""
    labels = np.arange(1200) % 4
    images = (
        np.random.default_rng(0).integers(0, 60, (1200, 32, 32, 3)) + labels[:, None, None, None]
    )
    np.savez(tiny / "big.npz", images=images.astype(np.uint8), labels=labels)
    code, said = processes(
        f"""
for how in ["size=1m", "ro"]:
    os.system(f"mount -t tmpfs -o {{how}} tmpfs /dev/shm")
    assert nas(f"{SEARCH} --data big.npz --workers 2 --force --name x") == 0
""",
        *mounted,
    )
    assert code == 0, said
    assert "died" not in no_traceback(said)


@pytest.mark.slow
def test_two_processes(nas: Nas, tiny: Path) -> None:
    asked = f"{TRAIN} --epochs 100000 --name x".split()
    with subprocess.Popen([*NAS.split(), *asked], stderr=subprocess.PIPE) as first:
        lock, work = tiny / "results/.x.lock", tiny / "results/.x.work/seed0/log.csv"
        while not work.exists():
            assert first.poll() is None, first.stderr and first.stderr.read()
            time.sleep(0.05)
        for option in ([], ["--force"], ["--resume"]):
            done = nas(*asked, *option)
            assert done.code == 2
            expected = f"nas: results/x is being written by process {first.pid} (since "
            assert done.err.startswith(expected) and done.err.count("\n") == 1, done.err
        assert first.poll() is None
        first.kill()
    assert lock.exists(), "a kill leaves the file, but not the lock"
    done = nas(*f"{TRAIN} --epochs 1 --name x --force".split())
    assert done.code == 0, done.err
    assert os.listdir(tiny / "results") == ["x"]  # noqa: PTH208 - hidden ones, too


@pytest.mark.slow
def test_two_processes_of_one_search(tiny: Path) -> None:
    """Without training, at the same time: one of them is told of the other."""
    asked = f"{NAS} {SEARCH.partition(' --recipe')[0]} --name x"
    both = [subprocess.Popen(asked.split(), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 2], said
    refused = said[0] if both[0].returncode else said[1]
    assert "is being written by process" in refused or "exists and is kept" in refused


@pytest.mark.slow
@pytest.mark.parametrize("out", ["what?now 100%", "per%20cent#{brace} a&b=c"])
def test_odd_path(nas: Nas, tiny: Path, out: str) -> None:
    before = {path.name for path in tiny.iterdir()}
    for name in ("s", "t"):
        done = nas(*SEARCH.split(), "--data", "a.npz", "--out", out, "--name", name)
        assert done.code == 0, done.err
        assert (tiny / out / name / "study.db").exists()
        assert nas("report", f"{out}/{name}").code == 0

    assert {path.name for path in tiny.iterdir()} == {*before, out}


READS = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
"""Options of `setpriv`: another user may read a checkout that is closed to others."""


@pytest.mark.slow
def test_no_home(tiny: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("another user can only be root's choice")
    unknown = (
        "env",
        "-u",
        "HOME",
        "setpriv",
        "--reuid=12345",
        "--clear-groups",
        *READS,
        *NAS.split(),
    )
    with TemporaryDirectory() as folder:  # pytest's are closed to others
        shutil.copytree(tiny, folder, dirs_exist_ok=True)
        Path(folder).chmod(0o777)

        def run(*asked: str) -> tuple[int, str]:
            done = subprocess.run([*unknown, *asked], cwd=folder, capture_output=True, text=True)
            return done.returncode, done.stderr

        code, said = run(*TRAIN.split(), "--epochs", "1", "--name", "x")
        assert code == 0, said
        code, said = run(*TRAIN.split()[:-1], "cifar10", "--name", "y")
        assert code == 2
        assert "no home folder to look for data sets in; give --data-root" in said


@pytest.mark.slow
@pytest.mark.parametrize("to", [">/dev/full", ">&-"])
def test_standard_output_that_cannot_be_written(tiny: Path, to: str) -> None:
    code, said = shell(f"{NAS} show tiny.yaml {to}")
    assert code == 2
    assert said.startswith("nas: standard output cannot be written: ")
    assert said.count("\n") == 1
    code, said = shell(f"{NAS} {TRAIN} --epochs 1 --name x {to}")
    assert code == 2
    assert (tiny / "results/x/best.yaml").exists(), "the result is whole"


@pytest.mark.slow
def test_standard_streams_that_nobody_reads(tiny: Path) -> None:
    assert "rc 1" in no_traceback(shell(f"({NAS} show tiny.yaml; echo rc $? >&2) | true")[1])
    for to in ("2>&-", "2>/dev/full"):
        assert shell(f"{NAS} show nothing {to}") == (2, "")
        code, said = shell(f"{NAS} {TRAIN} --epochs 1 --name x --force --json {to}")
        assert code == 0, said
