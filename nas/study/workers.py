"""Several processes on one cascade: each has a GPU of its own, or a share of the cores.

They meet only in the store. One that dies is replaced, and its trial goes on; what makes a process
die again and again is recorded as broken. They end when the process that began them does.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

from nas.cores import cores, end_with
from nas.errors import NasError, TrainingError
from nas.study.cascade import Cascade
from nas.study.store import ATTEMPTS

LOOK_S = 0.2


def run_with(cascade: Cascade, workers: int) -> None:
    """Run a cascade with so many processes; with one it is this one.

    Raises:
        TrainingError: not one network could be trained, or processes die without a trial.
    """
    if workers == 1:
        cascade.run()
        return
    from nas.train.place import spawning

    context = spawning()
    news, deaths = context.SimpleQueue(), 0
    running: dict[int, Any] = {}
    shares: dict[int, float] = {}
    bare = replace(
        cascade,
        task=replace(cascade.task),  # without what it has cached
        question=replace(cascade.question),
        heard=_silent,
        said=_silent,
    )

    def begin(index: int) -> None:
        arguments = (bare, index, workers, os.getpid(), news)
        running[index] = context.Process(target=_work, args=arguments, daemon=True)
        running[index].start()

    try:
        for index in range(workers):
            begin(index)
        while running:
            _listen(news, cascade, shares)
            for index, process in list(running.items()):
                if process.is_alive():
                    continue
                del running[index]
                if process.exitcode != 0:
                    deaths += 1
                    if deaths > ATTEMPTS * cascade.trials:
                        raise TrainingError(f"worker processes died {deaths} times")
                    cascade.said(f"worker {index + 1} died; another takes its place")
                    begin(index)
            time.sleep(LOOK_S)
        _listen(news, cascade, shares)
    finally:
        for process in running.values():
            process.terminate()


def _silent(*_: object) -> None:
    pass


def _listen(news: Any, cascade: Cascade, shares: dict[int, float]) -> None:
    """Pass on what workers say; the work done is the sum of theirs."""
    while not news.empty():
        kind, index, text, share = news.get()
        if kind == "error":
            raise TrainingError(text)
        if kind == "said":
            cascade.said(text)
        else:
            shares[index] = share
            cascade.heard(text, min(1.0, sum(shares.values())))


def _work(cascade: Cascade, index: int, workers: int, parent: int, news: Any) -> None:
    from nas.train.place import dealt, use_cores

    end_with(parent)
    use_cores(max(1, cores() // workers))
    setting = cascade.task.setting
    setting = replace(setting, device=dealt(setting.device, index))
    own = replace(
        cascade,
        task=replace(cascade.task, setting=setting),
        heard=lambda step, share: news.put(("heard", index, step, share)),
        said=lambda note: news.put(("said", index, note, 0.0)),
    )
    try:
        own.run()
    except NasError as error:
        news.put(("error", index, str(error), 0.0))
