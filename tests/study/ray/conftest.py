"""A real Ray cluster of several nodes on this machine, and sweeps run on it by the command."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ...cli.conftest import Nas, Ran, nas

__all__ = ["nas"]

SPACE = (Path(__file__).parents[1] / "sweep" / "small.yaml").read_text(encoding="utf-8")
TEXT = """
name: small
spaces: [small.yaml]
devices: [pixel1-cpu]
budgets_ms: [4.0]
data: {name: digits, images: 200}
strategies: [random]
epochs: 4
trials: 4
finalists: 1
final_seeds: 1
"""
REAL = [
    pytest.mark.slow,
    pytest.mark.needs("ray"),
    pytest.mark.timeout(600),
    # Ray leaves its files of logs open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""Marks of tests that start nodes."""
NOTICED = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 3000,
    "health_check_failure_threshold": 5,
}
"""Settings with which dead nodes are noticed within seconds."""


@contextmanager
def meanwhile(work: Callable[[], Any]) -> Iterator[None]:
    """Do it in a thread while the block runs; its error ends the test."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        yield
        done.result()


def wait(found: Callable[[], Any], seconds: float = 240.0, pause: float = 0.1) -> Any:
    """Wait until `found` returns something, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(pause)
    raise AssertionError(f"nothing after {seconds:g} s")


@pytest.fixture(scope="session")
def nodes() -> Iterator[Any]:
    """A cluster whose head trains nothing; `two` adds nodes, which takes most of the time."""
    from ray.cluster_utils import Cluster

    with socket.create_server(("127.0.0.1", 0)) as server:
        client = server.getsockname()[1]
    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": NOTICED}
    with pytest.MonkeyPatch.context() as patch:
        # without it a process that the head starts for a client may crash before it is a program
        # of its own (https://github.com/grpc/grpc/issues/43055)
        patch.setenv("GRPC_ENABLE_FORK_SUPPORT", "0")
        patch.setenv("RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S", "20")
        arguments = {**head, "ray_client_server_port": client}
        made = Cluster(initialize_head=True, head_node_args=arguments)
    made.client_address = f"ray://127.0.0.1:{client}"
    yield made
    made.shutdown()


@pytest.fixture
def two(nodes: Any) -> list[Any]:
    """Two nodes with one core each, and the head; the next test replaces those that are removed."""
    while len(nodes.worker_nodes) < 2:
        nodes.add_node(num_cpus=1)
    return [*nodes.worker_nodes]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that a sweep starts in."""
    (tmp_path / "small.yaml").write_text(SPACE)
    return tmp_path


class Driver:
    """`nas sweep` as a process."""

    def __init__(self, folder: Path, address: str | None, text: str = TEXT) -> None:
        (folder / "sweep.yaml").write_text(text)
        self.folder, self._address = folder, address

    def command(self, *words: str) -> list[str]:
        """After `nas`."""
        address = ["--address", self._address] if self._address else []
        return ["sweep", "sweep.yaml", *address, *words]

    def begin(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "nas", *self.command(*words)]
        env = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, timeout: float = 300.0) -> tuple[int, str, str]:
        process = self.begin(*words)
        out, err = process.communicate(timeout=timeout)
        return process.returncode, out, err

    @property
    def work(self) -> Path:
        """The work folder."""
        return self.folder / "results" / ".small.work"

    def begun(self) -> list[Path]:
        """Files of running trainings, which name their processes."""
        return sorted(self.work.glob("trials/*/*/begun.txt"))

    def wait_for_more(self) -> None:
        """Until another training has finished an epoch."""
        done = len(self._logs())
        wait(lambda: len(self._logs()) > done)

    def _logs(self) -> list[Path]:
        return [*self.work.glob("trials/*/*/log.csv")]


@pytest.fixture
def run_here(nas: Nas, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs a driver's command in this process, where nothing has to be imported first."""

    def run(driver: Driver, *words: str) -> Ran:
        monkeypatch.chdir(driver.folder)
        return nas(*driver.command(*words))

    return run


def trials(database: Path) -> dict[str, list[Any]]:
    """Finished trials of every study, read by another process."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = f"sqlite:///{database}"
    names = optuna.get_all_study_names(url)
    return {name: optuna.load_study(study_name=name, storage=url).trials for name in names}
