"""Several processes on one job: each has a GPU of its own, or a share of the cores.

They meet only in the store. One that dies is replaced, and its trial goes on; what makes a process
die again and again is recorded as broken. Where processes die without any work done, the next is
begun later, and after a few the job ends. They end when the process that began them does.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from nas.errors import NasError, TrainingError
from nas.files.staging import writing
from nas.study.store import ATTEMPTS
from nas.system.processes import block_sigint, exit_with_parent
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from nas.train.handover import Handover
    from nas.train.run import Task

LOOK_S = 0.2

IDLE_DEATHS = 2 * ATTEMPTS
"""Processes in a row that may die before any work is done, each in the place of the one before."""
BACK_OFF_S = 1.0
"""Before the third of them is begun; twice as long before each further one."""

WorkerEvent = tuple[str, int, str | NasError, float]
"""What a worker says: `progress`, `message` or `error`, its number, the text or the error itself,
its share of the work."""


class Job(Protocol):
    """A dataclass whose `run` does whatever of the work no other process does.

    `on_progress` gets a step and the share of the whole work that this process has done.
    """

    @property
    def task(self) -> Task: ...

    @property
    def folder(self) -> Path:
        """Where it is done."""

    @property
    def on_progress(self) -> OnProgress: ...

    @property
    def on_message(self) -> OnMessage: ...

    def run(self) -> Any:
        """Work until all is done."""

    def without_caches(self) -> Self:
        """The same without what it has cached, to be sent to another process."""


class WorkerPool(Protocol):
    """Processes by number, wherever they are; `run_job` is what each does."""

    def start(self, index: int, job: Job) -> None:
        """Start a process, with a job that says nothing yet."""

    def succeeded(self, index: int) -> bool | None:
        """Whether it ended by itself; None while it works."""

    def events(self) -> Iterator[WorkerEvent]:
        """What was said since this was asked."""

    def stop(self) -> None:
        """Stop whoever still works."""


def run_with(job: Job, workers: int, pool: WorkerPool | None = None) -> None:
    """Run a job with so many processes, of this machine if there is no crew; with one it is this.

    Raises:
        NasError: as the job, in whatever process.
        TrainingError: processes die again and again before they have done any work.
    """
    if workers == 1 and pool is None:
        job.run()
        return
    pool = pool or LocalPool(workers)
    try:
        _Supervisor(job, pool, workers).run()
    finally:
        pool.stop()


@dataclass
class _Supervisor:
    """Replaces processes that die, the longer later the more of them die without any work done."""

    job: Job
    pool: WorkerPool
    workers: int
    _shares: dict[int, float] = field(default_factory=dict, init=False)
    """Of the work, that the process of each number has done."""
    _before: float = field(default=0.0, init=False)
    """Share of the work that was done by processes which have died."""
    _idle_deaths: Counter[int] = field(default_factory=Counter, init=False)
    """In a row, of processes of each number, since anybody did any work."""

    def run(self) -> None:
        """Until all processes have ended well."""
        job = self.job
        copy = _with(
            job.without_caches(), task=replace(job.task), on_progress=ignore, on_message=ignore
        )
        running, due = set[int](), dict.fromkeys(range(self.workers), 0.0)
        while running or due:
            for index in [index for index, at in due.items() if at <= time.monotonic()]:
                del due[index]
                running.add(index)
                self.pool.start(index, copy)
            self._listen()
            for index in sorted(running):
                well = self.pool.succeeded(index)
                if well is None:
                    continue
                running.discard(index)
                if not well:
                    self._listen()
                    due[index] = time.monotonic() + self._died(index)
            time.sleep(LOOK_S)
        self._listen()

    def _died(self, index: int) -> float:
        """Note a death; seconds until another process is begun.

        Raises:
            TrainingError: there were too many.
        """
        self._before += self._shares.pop(index, 0.0)
        self._idle_deaths[index] += 1
        died = self._idle_deaths[index]
        if died >= IDLE_DEATHS:
            raise TrainingError(
                f"worker {index + 1} died {died} times in a row and no work was done;"
                " --workers 1 shows why"
            )
        wait_s = 0.0 if died == 1 else BACK_OFF_S * 2.0 ** (died - 2)
        when = f" in {wait_s:g} s" if wait_s else ""
        self.job.on_message(f"worker {index + 1} died; another takes its place{when}")
        return wait_s

    def _listen(self) -> None:
        """Pass on what workers say; the work done is the sum of theirs."""
        for kind, index, what, share in self.pool.events():
            if isinstance(what, NasError):
                raise what
            if kind == "message":
                self.job.on_message(what)
                continue
            if share > self._shares.get(index, 0.0):
                self._idle_deaths.clear()
            self._shares[index] = share
            self.job.on_progress(what, min(1.0, self._before + sum(self._shares.values())))


class LocalPool:
    """A crew on this machine."""

    def __init__(self, workers: int) -> None:
        from nas.train.place import spawning

        self._context, self._workers = spawning(), workers
        self._running: dict[int, Any] = {}
        self._news: dict[int, Connection] = {}
        """A pipe each: one that is killed while it says something keeps nobody from it."""
        self._job: Handover | None = None

    def start(self, index: int, job: Job) -> None:
        from nas.train.handover import Handover

        self._job = self._job or Handover(job)  # all of one crew do the same
        news, told = self._context.Pipe(duplex=False)
        arguments = (self._job, index, self._workers, os.getpid(), told)
        made = self._context.Process(target=_work_here, args=arguments, daemon=True)
        with block_sigint(), told:
            made.start()
        self._running[index], self._news[index] = made, news

    def succeeded(self, index: int) -> bool | None:
        process = self._running[index]
        return None if process.is_alive() else process.exitcode == 0

    def events(self) -> Iterator[WorkerEvent]:
        for news in self._news.values():
            with suppress(EOFError, OSError):  # it has ended, perhaps in the middle of a word
                while news.poll():
                    yield news.recv()

    def stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        if self._job:
            self._job.close()


def _work_here(job: Job, index: int, workers: int, parent: int, told: Connection) -> None:
    from nas.train.place import share

    exit_with_parent(parent)
    threads = job.task.setting.threads or share(workers)
    run_job(on_device(job, index), index, threads, told.send)


def on_device(job: Any, index: int) -> Any:
    """What has a task, on the device of one of several processes."""
    from nas.train.place import assign_device

    setting = job.task.setting
    setting = replace(setting, device=assign_device(setting.device, index))
    return replace(job, task=replace(job.task, setting=setting))


def run_job(job: Job, index: int, threads: int, tell: Callable[[WorkerEvent], None]) -> None:
    """What a process of a crew does."""
    from nas.train.place import use_cores

    use_cores(threads)
    own = _with(
        job,
        on_progress=lambda step, share: tell(("progress", index, step, share)),
        on_message=lambda note: tell(("message", index, note, 0.0)),
    )
    try:
        with writing(own.folder):
            own.run()
    except NasError as error:
        tell(("error", index, error, 0.0))


def _with(job: Job, **changes: Any) -> Any:
    """The job with other fields."""
    return replace(job, **changes)  # type: ignore[type-var]
