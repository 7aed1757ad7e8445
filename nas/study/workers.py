"""Several processes on one job: each has a GPU of its own, or a share of the cores.

They meet only in the store. One that dies is replaced, and its trial goes on; what makes a process
die again and again is recorded as broken. They end when the process that began them does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from nas.cores import cores, deaf, end_with
from nas.errors import NasError, TrainingError
from nas.study.store import ATTEMPTS

if TYPE_CHECKING:
    from nas.train.run import Task

LOOK_S = 0.2

News = tuple[str, int, str, float]
"""What a worker says: `heard`, `said` or `error`, its number, the text, its share of the work."""


class Job(Protocol):
    """A dataclass whose `run` does whatever of the work no other process does.

    `heard` hears of a step, and of the share of the whole work that this process has done.
    """

    @property
    def task(self) -> Task: ...

    @property
    def heard(self) -> Callable[[str, float], None]: ...

    @property
    def said(self) -> Callable[[str], None]: ...

    @property
    def trials(self) -> int:
        """How many there can be; processes may die `ATTEMPTS` times in each."""

    def run(self) -> Any:
        """Work until all is done."""

    def bare(self) -> Self:
        """The same without what it has cached, to be sent to another process."""


class Crew(Protocol):
    """Processes by number, wherever they are; `work` is what each does."""

    def begin(self, index: int, job: Job) -> None:
        """Start a process, with a job that says nothing yet."""

    def ended(self, index: int) -> bool | None:
        """Whether it ended by itself; None while it works."""

    def news(self) -> Iterator[News]:
        """What was said since this was asked."""

    def end(self) -> None:
        """Stop whoever still works."""


def run_with(job: Job, workers: int, crew: Crew | None = None) -> None:
    """Run a job with so many processes, of this machine if there is no crew; with one it is this.

    Raises:
        TrainingError: not one network could be trained, or processes die without a trial.
    """
    if workers == 1 and crew is None:
        job.run()
        return
    crew, deaths = crew or Processes(workers), 0
    shares: dict[int, float] = {}
    bare = _with(job.bare(), task=replace(job.task), heard=_silent, said=_silent)
    running = set(range(workers))
    try:
        for index in running:
            crew.begin(index, bare)
        while running:
            _listen(crew, job, shares)
            for index in sorted(running):
                well = crew.ended(index)
                if well:
                    running.discard(index)
                elif well is not None:
                    deaths += 1
                    if deaths > ATTEMPTS * job.trials:
                        raise TrainingError(f"worker processes died {deaths} times")
                    job.said(f"worker {index + 1} died; another takes its place")
                    crew.begin(index, bare)
            time.sleep(LOOK_S)
        _listen(crew, job, shares)
    finally:
        crew.end()


class Processes:
    """A crew on this machine."""

    def __init__(self, workers: int) -> None:
        from nas.train.place import spawning

        self._context, self._workers = spawning(), workers
        self._news = self._context.SimpleQueue()
        self._running: dict[int, Any] = {}

    def begin(self, index: int, job: Job) -> None:
        arguments = (job, index, self._workers, os.getpid(), self._news)
        made = self._context.Process(target=_work_here, args=arguments, daemon=True)
        self._running[index] = made
        with deaf():
            made.start()

    def ended(self, index: int) -> bool | None:
        process = self._running[index]
        return None if process.is_alive() else process.exitcode == 0

    def news(self) -> Iterator[News]:
        while not self._news.empty():
            yield self._news.get()

    def end(self) -> None:
        for process in self._running.values():
            process.terminate()


def _work_here(job: Job, index: int, workers: int, parent: int, news: Any) -> None:
    end_with(parent)
    work(placed(job, index), index, max(1, cores() // workers), news.put)


def placed(job: Any, index: int) -> Any:
    """What has a task, on the device of one of several processes."""
    from nas.train.place import dealt

    setting = job.task.setting
    setting = replace(setting, device=dealt(setting.device, index))
    return replace(job, task=replace(job.task, setting=setting))


def work(job: Job, index: int, threads: int, tell: Callable[[News], None]) -> None:
    """What a process of a crew does."""
    from nas.train.place import use_cores

    use_cores(threads)
    own = _with(
        job,
        heard=lambda step, share: tell(("heard", index, step, share)),
        said=lambda note: tell(("said", index, note, 0.0)),
    )
    try:
        own.run()
    except NasError as error:
        tell(("error", index, str(error), 0.0))


def _silent(*_: object) -> None:
    pass


def _with(job: Job, **changes: Any) -> Any:
    """The job with other fields."""
    return replace(job, **changes)  # type: ignore[type-var]


def _listen(crew: Crew, job: Job, shares: dict[int, float]) -> None:
    """Pass on what workers say; the work done is the sum of theirs."""
    for kind, index, text, share in crew.news():
        if kind == "error":
            raise TrainingError(text)
        if kind == "said":
            job.said(text)
        else:
            shares[index] = share
            job.heard(text, min(1.0, sum(shares.values())))
