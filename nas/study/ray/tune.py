"""Adapt the dispatcher to Ray Tune: a searcher that hands out trials, and their schedulers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, HyperBandScheduler, TrialScheduler
from ray.tune.search import Searcher

from nas.study.ray.trainable import EPOCH, ERROR, TOP1
from nas.study.record import Record
from nas.study.sweep.dispatcher import Dispatcher
from nas.study.sweep.plan import Scheduler
from nas.study.trainer import TrialAssignment

CELL = "cell"
"""Key of a trial's config: the cell of its scheduler; empty for finalists, which never stop."""
POLL_S = 2.0
"""Interval at which the size of the cluster is checked."""


class Stateless:
    """Keeps an object out of Ray Tune's own files, since the store has all results."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class DispatcherSearcher(Stateless, Searcher):
    """Takes as many trials from the dispatcher as the cluster can run, and passes on results."""

    def __init__(
        self, dispatcher: Dispatcher, count_slots: Callable[[], int], least: int = 0
    ) -> None:
        """`count_slots` counts the trials that the cluster can run; at least `least` are taken."""
        super().__init__(metric=TOP1, mode="max")
        self.dispatcher, self._count_slots, self._least = dispatcher, count_slots, least
        self._seen, self._slots = -POLL_S, 0
        self.paused: set[str] = set()

    def suggest(self, trial_id: str) -> Any:
        if self.dispatcher.n_running - len(self.paused) >= self.n_slots:
            return None
        assignment = self.dispatcher.next_trial(trial_id)
        if assignment is None:
            return Searcher.FINISHED if self.dispatcher.all_ended else None
        return _config(assignment, self.dispatcher.folder_of(assignment))

    @property
    def n_slots(self) -> int:
        """Number of trials that the cluster can run; it may grow and shrink."""
        now = time.monotonic()
        if now - self._seen >= POLL_S:
            self._seen, self._slots = now, max(self._count_slots(), self._least)
        return self._slots

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        if not result.get(ERROR):
            self.dispatcher.report(trial_id, result[EPOCH], result[TOP1])

    def on_trial_complete(
        self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False
    ) -> None:
        """Pass on the end of a trial: finished, stopped by its scheduler, or not startable."""
        self.paused.discard(trial_id)
        if result is not None:
            self.on_trial_result(trial_id, result)
        if error:  # it could not start, or its node died too often
            self.dispatcher.requeue(trial_id)
            return
        self.dispatcher.finish(trial_id, error=(result or {}).get(ERROR, ""))

    def save(self, checkpoint_path: str) -> None:
        """Do nothing, see `Stateless`."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing."""


def _config(assignment: TrialAssignment, place: Path) -> dict[str, Any]:
    """A trial as plain values for a worker."""
    return {
        "arch": assignment.arch.to_yaml(),
        "place": str(place),
        "seed": assignment.record.seed,
        "whole": assignment.whole,
        "epochs": assignment.epochs,
        "final": assignment.final,
        CELL: "" if assignment.final else assignment.store.name,
    }


class PerCellScheduler(Stateless, FIFOScheduler):
    """One scheduler per cell, since accuracies under different budgets are not comparable."""

    def __init__(self, wanted: Scheduler, epochs: int, searcher: DispatcherSearcher) -> None:
        super().__init__()
        self._wanted, self._epochs, self._searcher = wanted, epochs, searcher
        self._cells: dict[str, TrialScheduler] = {}

    @staticmethod
    def bracket_size(wanted: Scheduler, epochs: int) -> int:
        """Trials of a cell that Hyperband compares, all of which must start before any goes on."""
        if wanted.name != "hyperband":
            return 0
        halvings = round(math.log(epochs, wanted.reduction))
        return int(wanted.reduction**halvings)

    def _of(self, trial: Trial) -> TrialScheduler:
        cell = trial.config[CELL]
        if cell not in self._cells:
            self._cells[cell] = self._made(self._wanted.name if cell else "none")
        return self._cells[cell]

    def _made(self, name: str) -> TrialScheduler:
        options = {"time_attr": EPOCH, "metric": TOP1, "mode": "max", "max_t": self._epochs}
        options["reduction_factor"] = self._wanted.reduction
        if name == "asha":
            grace = min(self._wanted.grace_epochs, self._epochs)
            return ASHAScheduler(grace_period=grace, **options)
        return HyperBandScheduler(**options) if name == "hyperband" else FIFOScheduler()

    def replay(self, cell: str, records: Iterable[Record]) -> None:
        """Tell ASHA the trials of earlier processes, since it compares new trials with them."""
        if self._wanted.name != "asha":
            return
        scheduler = self._cells[cell] = self._made("asha")
        for record in records:
            known = SimpleNamespace(trial_id=f"{cell} {record.number}")
            scheduler.on_trial_add(None, known)
            for epoch, top1 in sorted(record.top1s.items()):
                scheduler.on_trial_result(None, known, {EPOCH: epoch, TOP1: top1})

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        self._of(trial).on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        self._searcher.paused.discard(trial.trial_id)
        decision = self._of(trial).on_trial_result(tune_controller, trial, result)
        if decision == TrialScheduler.PAUSE:
            self._searcher.paused.add(trial.trial_id)
        return decision

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        self._of(trial).on_trial_complete(tune_controller, trial, result)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        self._of(trial).on_trial_error(tune_controller, trial)

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        self._of(trial).on_trial_remove(tune_controller, trial)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """A pending trial, or a paused one that may continue."""
        for trial in tune_controller.get_live_trials():
            if trial.status == Trial.PENDING:
                return trial
        if self._wanted.name == "hyperband":  # only Hyperband pauses
            for scheduler in self._cells.values():
                found = scheduler.choose_trial_to_run(tune_controller)
                if found is not None:
                    return found
        return None
