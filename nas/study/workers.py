"""Run one job in several processes, each with a GPU of its own or a share of the cores.

The processes communicate through the store only. A process that dies is replaced, and its trial is
resumed; a trial that kills several processes fails. If processes die before any work is done, the
next starts after a delay, and after a few deaths the job ends. Workers exit with the process that
started them.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nas.errors import NasError, TrainingError
from nas.files.staging import writing
from nas.study.store import ATTEMPTS
from nas.system.processes import block_sigint, exit_with_parent
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from nas.train.run import Task
    from nas.train.shared_tensors import SharedTensors

POLL_S = 0.2

IDLE_DEATHS = 2 * ATTEMPTS
"""Deaths in a row of one worker and its replacements that end the job if no work was done."""
BACK_OFF_S = 1.0
"""Delay after the second death in a row; it doubles with each further one."""

WorkerEvent = tuple[str, int, str | NasError, float]
"""(kind, worker, content, share): `progress` or `message` with a text, or `error` with the error;
the share is of the whole work that this worker has done."""


class Job(Protocol):
    """Work that several processes can share: a dataclass, of which each gets a copy.

    `on_progress` gets a step and the share of the whole work that this process has done.
    """

    @property
    def task(self) -> Task: ...

    @property
    def folder(self) -> Path:
        """The folder that the job writes to."""

    @property
    def on_progress(self) -> OnProgress: ...

    @property
    def on_message(self) -> OnMessage: ...

    def run(self) -> Any:
        """Do all work that no other process does, until everything is done."""


class WorkerPool(Protocol):
    """Worker processes by index, on this machine or a cluster; each calls `run_job`."""

    def start(self, index: int, job: Job) -> None:
        """Start a process with a job."""

    def succeeded(self, index: int) -> bool | None:
        """Whether a process ended normally; None while it works."""

    def events(self) -> Iterator[WorkerEvent]:
        """Events since the last call."""

    def stop(self) -> None:
        """Stop all processes."""


def run_with(job: Job, workers: int, pool: WorkerPool | None = None) -> None:
    """Run a job with some workers: processes of `pool`, or of this machine without one.

    A single worker without a pool is this process.

    Raises:
        NasError: the job raised it, in any process.
        TrainingError: workers keep dying before any work is done.
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
    """Replaces processes that die, after a delay that grows while no work is done."""

    job: Job
    pool: WorkerPool
    workers: int
    _shares: dict[int, float] = field(default_factory=dict, init=False)
    """Share of the work that each worker's present process has done."""
    _before: float = field(default=0.0, init=False)
    """Share of the work that dead processes have done."""
    _idle_deaths: Counter[int] = field(default_factory=Counter, init=False)
    """Deaths of each worker since any work was done."""

    def run(self) -> None:
        """Run until all processes have ended normally."""
        task = replace(self.job.task)  # without cached values
        job: Any = self.job
        copy = replace(job, task=task, on_progress=ignore, on_message=ignore)
        running, due = set[int](), dict.fromkeys(range(self.workers), 0.0)
        while running or due:
            for index in [index for index, at in due.items() if at <= time.monotonic()]:
                del due[index]
                running.add(index)
                self.pool.start(index, copy)
            self._listen()
            for index in sorted(running):
                succeeded = self.pool.succeeded(index)
                if succeeded is None:
                    continue
                running.discard(index)
                if not succeeded:
                    self._listen()
                    due[index] = time.monotonic() + self._count_death(index)
            time.sleep(POLL_S)
        self._listen()

    def _count_death(self, index: int) -> float:
        """Count a death; return the delay of the next process in seconds.

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
        """Pass on the workers' events; progress is the sum of their shares."""
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
    """Worker processes on this machine."""

    def __init__(self, workers: int) -> None:
        from nas.train.device import spawning

        self._context, self._workers = spawning(), workers
        self._running: dict[int, Any] = {}
        self._pipes: dict[int, Connection] = {}
        """One pipe per process, since a process killed while it writes would block a shared one."""
        self._job: SharedTensors | None = None

    def start(self, index: int, job: Job) -> None:
        from nas.train.shared_tensors import SharedTensors

        self._job = self._job or SharedTensors(job)  # all workers of a pool do the same job
        receiver, sender = self._context.Pipe(duplex=False)
        arguments = (self._job, index, self._workers, os.getpid(), sender)
        made = self._context.Process(target=_work_here, args=arguments, daemon=True)
        with block_sigint(), sender:
            made.start()
        self._running[index], self._pipes[index] = made, receiver

    def succeeded(self, index: int) -> bool | None:
        process = self._running[index]
        return None if process.is_alive() else process.exitcode == 0

    def events(self) -> Iterator[WorkerEvent]:
        for pipe in self._pipes.values():
            with suppress(EOFError, OSError):  # the process has ended, perhaps while it wrote
                while pipe.poll():
                    yield pipe.recv()

    def stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        if self._job:
            self._job.close()


def _work_here(job: Job, index: int, workers: int, parent: int, sender: Connection) -> None:
    from nas.train.device import share

    exit_with_parent(parent)
    threads = job.task.setting.threads or share(workers)
    run_job(on_device(job, index), index, threads, sender.send)


def on_device(job: Any, index: int) -> Any:
    """A copy of a job or task holder on the device of one of several processes."""
    from nas.train.device import assign_device

    setting = job.task.setting
    setting = replace(setting, device=assign_device(setting.device, index))
    return replace(job, task=replace(job.task, setting=setting))


def run_job(job: Any, index: int, threads: int, tell: Callable[[WorkerEvent], None]) -> None:
    """Run a job in a worker process; `tell` sends its events."""
    from nas.train.device import use_cores

    use_cores(threads)
    own = replace(
        job,
        on_progress=lambda step, share: tell(("progress", index, step, share)),
        on_message=lambda note: tell(("message", index, note, 0.0)),
    )
    try:
        with writing(own.folder):
            own.run()
    except NasError as error:
        tell(("error", index, error, 0.0))
