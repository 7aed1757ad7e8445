"""Several processes on one job: each has a GPU of its own, or a share of the cores.

They meet only in the store. One that dies is replaced, and its trial goes on; what makes a process
die again and again is recorded as broken. They end when the process that began them does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from nas.cores import cores, deaf, end_with
from nas.errors import NasError, TrainingError
from nas.study.store import ATTEMPTS

if TYPE_CHECKING:
    from nas.train.run import Task

LOOK_S = 0.2


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


def run_with(job: Job, workers: int) -> None:
    """Run a job with so many processes; with one it is this one.

    Raises:
        TrainingError: not one network could be trained, or processes die without a trial.
    """
    if workers == 1:
        job.run()
        return
    from nas.train.place import spawning

    context = spawning()
    news, deaths = context.SimpleQueue(), 0
    running: dict[int, Any] = {}
    shares: dict[int, float] = {}
    bare = _with(job.bare(), task=replace(job.task), heard=_silent, said=_silent)

    def begin(index: int) -> None:
        arguments = (bare, index, workers, os.getpid(), news)
        running[index] = context.Process(target=_work, args=arguments, daemon=True)
        with deaf():
            running[index].start()

    try:
        for index in range(workers):
            begin(index)
        while running:
            _listen(news, job, shares)
            for index, process in list(running.items()):
                if process.is_alive():
                    continue
                del running[index]
                if process.exitcode != 0:
                    deaths += 1
                    if deaths > ATTEMPTS * job.trials:
                        raise TrainingError(f"worker processes died {deaths} times")
                    job.said(f"worker {index + 1} died; another takes its place")
                    begin(index)
            time.sleep(LOOK_S)
        _listen(news, job, shares)
    finally:
        for process in running.values():
            process.terminate()


def _silent(*_: object) -> None:
    pass


def _with(job: Job, **changes: Any) -> Any:
    """The job with other fields."""
    return replace(job, **changes)  # type: ignore[type-var]


def _listen(news: Any, job: Job, shares: dict[int, float]) -> None:
    """Pass on what workers say; the work done is the sum of theirs."""
    while not news.empty():
        kind, index, text, share = news.get()
        if kind == "error":
            raise TrainingError(text)
        if kind == "said":
            job.said(text)
        else:
            shares[index] = share
            job.heard(text, min(1.0, sum(shares.values())))


def _work(job: Job, index: int, workers: int, parent: int, news: Any) -> None:
    from nas.train.place import dealt, use_cores

    end_with(parent)
    use_cores(max(1, cores() // workers))
    setting = job.task.setting
    setting = replace(setting, device=dealt(setting.device, index))
    own = _with(
        job,
        task=replace(job.task, setting=setting),
        heard=lambda step, share: news.put(("heard", index, step, share)),
        said=lambda note: news.put(("said", index, note, 0.0)),
    )
    try:
        own.run()
    except NasError as error:
        news.put(("error", index, str(error), 0.0))
