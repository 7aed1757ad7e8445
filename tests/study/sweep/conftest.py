"""A sweep over a space of small networks, and a dispatcher whose searches run in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from nas.errors import NasError
from nas.files import yaml
from nas.report.folders.write_search import write_result
from nas.study.database import Database
from nas.study.request import StudyRequest
from nas.study.sweep.dispatcher import Dispatcher
from nas.study.sweep.plan import Sweep, read_sweep
from nas.study.sweep.runner import CellRunner, PendingSearch
from nas.study.sweep.task import load_task
from nas.train.run import Task

TEXT = """
name: small
spaces: [{space}]
devices: [pixel1-cpu]
budgets_ms: [2.5, 4.0]
data: {{name: digits, images: 400}}
strategies: [random]
epochs: 4
trials: 5
finalists: 1
final_seeds: 2
"""
SPACE = Path(__file__).with_name("small.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("space") / "small.yaml"
    path.write_text(SPACE)
    return path


@pytest.fixture
def content(space: Path) -> dict[str, Any]:
    """Content of a sweep file."""
    return yaml.parse(TEXT.format(space=space), "sweep")


@pytest.fixture
def sweep(content: dict[str, Any]) -> Sweep:
    return read_sweep(content, "sweep")


FOUND: dict[str, Any] = {}
"""Results of searches by request."""


def search_here(request: StudyRequest) -> PendingSearch:
    """Search at once, in this process."""
    future: PendingSearch = Future()
    if repr(request) not in FOUND:
        try:
            FOUND[repr(request)] = request.run_search()
        except NasError as error:
            FOUND[repr(request)] = error
    future.set_result(FOUND[repr(request)])
    return future


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[Sweep], Dispatcher]]:
    """Opens dispatchers of one folder, one after another as after a crash."""
    tasks: list[Task] = []
    databases: list[Database] = []

    def open_dispatcher(sweep: Sweep) -> Dispatcher:
        tasks[:] = tasks or [load_task(sweep)]
        if databases:
            databases[-1].close()
        databases.append(Database(tmp_path, sole=True))
        runners = [
            CellRunner(
                sweep, cell, tasks[0], tmp_path, databases[-1], ["nas"], search_here, write_result
            )
            for cell in sweep.cells()
        ]
        return Dispatcher(runners, tmp_path)

    yield open_dispatcher
    databases[-1].close()
