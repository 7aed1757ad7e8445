"""Run the trials of a dispatcher with Ray Tune, which survives the death of nodes."""

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
"""Folder of Ray Tune's own files within the sweep's; it holds no results."""
STATUS_S = 1.0
"""Interval of status reports."""
MAX_RESTARTS = 1000
"""Times that a trial may restart because its node died."""
SETTINGS = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the store has all results
    "TUNE_MAX_PENDING_TRIALS_PG": "1000000",  # the dispatcher limits them
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "0",  # nodes may come back
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # a trial that moves to another node is no error
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output cannot be turned off
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # data paths are relative to this folder
}


class _StatusCallback(Stateless, tune.Callback):
    """Reports the status regularly, and each reason why trainings restart once."""

    def __init__(self, on_change: Callable[[], None], on_message: OnMessage) -> None:
        self._on_change, self._last = on_change, 0.0
        self._on_message, self._reasons = on_message, set[str]()

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if time.monotonic() - self._last >= STATUS_S:
            self._on_change()
            self._last = time.monotonic()

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        reason = _reason(Path(trial.error_file).read_text(encoding="utf-8"))
        if reason not in self._reasons:
            self._reasons.add(reason)
            self._on_message(f"a training begins again: {reason}")


def _reason(text: str) -> str:
    """The last error in Ray Tune's file of a trial's failures."""
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
    """Run trials until all cells have ended, on the cluster that this process is connected to.

    Raises:
        KeyboardInterrupt: the run was interrupted; finished trials are in the store.
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
            failure_config=tune.FailureConfig(max_failures=MAX_RESTARTS),
            callbacks=[_StatusCallback(on_change, on_message)],
            verbose=0,
        ),
    )
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    tuner.fit()
    if not dispatcher.all_ended:  # at Ctrl-C Ray Tune returns
        raise KeyboardInterrupt
