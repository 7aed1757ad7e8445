"""Workers that die are replaced with growing delays, then given up; errors arrive whole."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nas.errors import InfeasibleError, TrainingError
from nas.library import load_arch
from nas.study import workers
from nas.study.workers import IDLE_DEATHS, Job, WorkerEvent, run_with
from nas.system.progress import OnMessage, OnProgress
from nas.train.run import Task

MODULE = """
import os
from dataclasses import dataclass
from typing import Any

from nas.errors import InfeasibleError


@dataclass
class Stuck:
    task: Any
    arch: Any
    folder: Any
    on_progress: Any = print
    on_message: Any = print

    def run(self):
        raise InfeasibleError("none", arch=self.arch, smallest=7.0, quantity="params")
"""


@pytest.mark.slow
def test_an_infeasible_job_of_workers_ends_as_it_does_alone(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stuck_job.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import stuck_job  # type: ignore[import-not-found]

    arch = load_arch("mobilenetv2")
    for count in (1, 2):
        with pytest.raises(InfeasibleError, match="none") as caught:
            run_with(stuck_job.Stuck(task, arch, tmp_path), count)
        assert caught.value.exit_code == 3
        assert (caught.value.arch, caught.value.smallest) == (arch, 7.0)
        assert caught.value.quantity == "params"


@dataclass
class Worker:
    """A job whose processes do some work or none, and die or end normally."""

    task: Task
    on_progress: OnProgress
    on_message: OnMessage

    def run(self) -> None:
        """Do nothing: `Scripted` decides what happens."""


@dataclass
class Scripted:
    """A pool whose processes each do a share of the work and die; the last ends normally."""

    work: list[float]
    begun: list[tuple[int, float]] = field(default_factory=list)
    _news: list[WorkerEvent] = field(default_factory=list)

    def start(self, index: int, job: Job) -> None:
        self.begun.append((index, time.monotonic()))
        share = self.work[min(len(self.begun), len(self.work)) - 1]
        if share:
            self._news.append(("progress", index, "a step", share))

    def succeeded(self, index: int) -> bool | None:
        return len(self.begun) == len(self.work)

    def events(self) -> Iterator[WorkerEvent]:
        while self._news:
            yield self._news.pop(0)

    def stop(self) -> None:
        """Do nothing: all have ended."""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "POLL_S", 0.001)
    monkeypatch.setattr(workers, "BACK_OFF_S", 0.02)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("count", [1, 2])
def test_workers_that_only_die_are_given_up(task: Task, count: int) -> None:
    notes: list[str] = []
    pool = Scripted([0.0] * 10_000)
    job = Worker(task, lambda step, share: None, notes.append)
    with pytest.raises(TrainingError, match=f"died {IDLE_DEATHS} times in a row and no work"):
        run_with(job, count, pool)
    starts = Counter(index for index, _ in pool.begun)
    assert all(number <= IDLE_DEATHS for number in starts.values())
    own = [at for index, at in pool.begun if index == 0]
    waits = [after - before for before, after in zip(own, own[1:], strict=False)]
    for wait, least in zip(waits[1:], (0.02, 0.04, 0.08, 0.16), strict=True):
        assert wait >= least
    assert notes[0] == "worker 1 died; another takes its place"
    assert notes[-1].endswith(f" in {0.02 * 8:g} s")


@pytest.mark.usefixtures("quick")
def test_workers_that_do_some_work_before_they_die_are_always_replaced(task: Task) -> None:
    shares: list[float] = []
    pool = Scripted([0.0, 0.0, 0.25, *[0.0] * 4, 0.5, *[0.0] * 4, 0.125])
    job = Worker(task, lambda step, share: shares.append(share), lambda note: None)
    run_with(job, 1, pool)
    assert len(pool.begun) == len(pool.work)
    assert shares == [0.25, 0.75, 0.875]  # what the dead have done stays done
