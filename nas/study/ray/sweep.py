"""A sweep on a cluster: Ray Tune runs the trials of a desk, whatever dies on the way."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import tune

from nas.study.ray.connect import n_slots
from nas.study.ray.trainable import TOP1, CandidateTrainable, WorkerContext
from nas.study.ray.tune import DispatcherSearcher, PerCellScheduler, Stateless
from nas.study.sweep.dispatcher import Dispatcher
from nas.study.sweep.plan import Sweep
from nas.system.progress import OnMessage, ignore
from nas.train.run import Task

FOLDER = "ray"
"""Of Ray Tune's own notes, in the sweep's folder; nothing that counts is in it."""
NEWS_S = 1.0
MOVES = 1000
"""Times that a trial may begin again because its node died."""
SETTINGS = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the store has it all
    "TUNE_MAX_PENDING_TRIALS_PG": "1000000",  # the desk says how many there may be
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "0",  # nodes come back
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # a trial that moves is no error
    "RAY_AIR_NEW_OUTPUT": "0",  # which prints whatever it is told
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # data are found as from here
}


class _StatusCallback(Stateless, tune.Callback):
    """Tells how far the sweep is, every so often, and once each why trainings begin again."""

    def __init__(self, on_change: Callable[[], None], on_message: OnMessage) -> None:
        self._on_change, self._last = on_change, 0.0
        self._on_message, self._reasons = on_message, set[str]()

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if time.monotonic() - self._last >= NEWS_S:
            self._on_change()
            self._last = time.monotonic()

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        reason = _reason(Path(trial.error_file).read_text(encoding="utf-8"))
        if reason not in self._reasons:
            self._reasons.add(reason)
            self._on_message(f"a training begins again: {reason}")


def _reason(text: str) -> str:
    """Why a trial failed last, of what Ray Tune wrote of all its failures."""
    lines = [line for line in text.splitlines() if line and not line[0].isspace()]
    return lines[-1].partition(". ")[0]


def run(
    sweep: Sweep,
    task: Task,
    dispatcher: Dispatcher,
    folder: Path,
    on_change: Callable[[], None] = ignore,
    on_message: OnMessage = ignore,
) -> None:
    """Work until the desk has nothing left; on the cluster that this process is connected to.

    Raises:
        KeyboardInterrupt: it was interrupted; what was finished is in the store.
    """
    os.environ.update(SETTINGS)
    wanted = sweep.resources
    epochs = sweep.plan().epochs
    least = len(dispatcher.runners) * PerCellScheduler.bracket_size(sweep.scheduler, epochs)
    searcher = DispatcherSearcher(dispatcher, lambda: n_slots(wanted), least)
    scheduler = PerCellScheduler(sweep.scheduler, epochs, searcher)
    for line in dispatcher.runners:
        if not line.ended:
            scheduler.replay(line.cell.candidates(sweep), line.finished_records())
    context = WorkerContext(task, sweep.on, sweep.precision, wanted.cpus)
    trainable = tune.with_resources(
        tune.with_parameters(CandidateTrainable, context=context),
        {"cpu": wanted.cpus, "gpu": wanted.gpus},
    )
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            metric=TOP1,
            mode="max",
            search_alg=searcher,
            scheduler=scheduler,
            num_samples=-1,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: str(trial.trial_id),
        ),
        run_config=tune.RunConfig(
            name=FOLDER,
            storage_path=str(folder.absolute()),
            failure_config=tune.FailureConfig(max_failures=MOVES),
            callbacks=[_StatusCallback(on_change, on_message)],
            verbose=0,
        ),
    )
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    tuner.fit()
    if not dispatcher.all_ended:  # Ray Tune ends by itself at Ctrl-C
        raise KeyboardInterrupt
