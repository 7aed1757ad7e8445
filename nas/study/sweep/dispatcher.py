"""Assign the trials of all cells of a sweep to free workers, and record their reports.

Only the dispatcher writes to the store. Workers know no store: they get a trial under an id, report
each epoch, and report the end. Trials that have not ended when the dispatcher dies are assigned
again by the next one, and continue at their checkpoints.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nas.study.sweep.cell_status import CellStatus, read_statuses, write_statuses
from nas.study.sweep.runner import CellRunner
from nas.study.trainer import TrialAssignment, training_folder

MAX_REQUEUES = 10
"""Times that a trial is assigned again because no process could be started for it."""


@dataclass(eq=False)
class Dispatcher:
    """Assigns trials of the cell with the fewest running; ties go in the order of the file."""

    runners: Sequence[CellRunner]
    folder: Path
    _given: dict[str, tuple[CellRunner, TrialAssignment, dict[int, float]]] = field(
        default_factory=dict, init=False
    )
    """Running trials by id, with the reported accuracy of each epoch."""
    _held: list[tuple[CellRunner, TrialAssignment]] = field(default_factory=list, init=False)
    """Claimed trials whose network another cell trains with the same seed."""
    _waiting: set[str] = field(default_factory=set, init=False)
    """Names of cells without a trial until one of their own ends."""
    _requeues: Counter[int] = field(default_factory=Counter, init=False)
    _start_s: float = field(default_factory=time.monotonic, init=False)
    _statuses: dict[str, CellStatus] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        before = read_statuses(self.folder)
        for runner in self.runners:
            if (own := before.get(runner.cell.name)) is not None and own.ended:
                runner.restore(own)
        self._before = sum(status.epochs for status in self.statuses())
        self._write_statuses()

    @property
    def all_ended(self) -> bool:
        """Whether every cell has ended."""
        return all(runner.ended for runner in self.runners)

    @property
    def n_running(self) -> int:
        """Number of running trials."""
        return len(self._given)

    def next_trial(self, trial_id: str) -> TrialAssignment | None:
        """Assign a trial to an id; None while there is none."""
        found = self._next_held() or self._next_new()
        if found is None:
            return None
        runner, assignment = found
        self._given[trial_id] = (runner, assignment, dict(assignment.record.top1s))
        runner.running.add(trial_id)
        self._statuses.pop(runner.cell.name, None)
        return assignment

    def assignment(self, trial_id: str) -> TrialAssignment:
        """The trial of an id."""
        return self._given[trial_id][1]

    def _next_held(self) -> tuple[CellRunner, TrialAssignment] | None:
        """A held trial whose network is no longer being trained."""
        busy = self._keys_in_training()
        for index, (_, assignment) in enumerate(self._held):
            if assignment.record.key not in busy:
                return self._held.pop(index)
        return None

    def _next_new(self) -> tuple[CellRunner, TrialAssignment] | None:
        """A new trial, of the cell with the fewest running."""
        for runner in sorted(self.runners, key=lambda runner: len(runner.running)):
            if runner.cell.name in self._waiting or runner.ended:
                continue
            while (assignment := runner.next_trial()) is not None:
                if assignment.record.key not in self._keys_in_training():
                    return runner, assignment
                self._held.append((runner, assignment))
            if runner.ended:
                self._write_statuses()
            elif not runner.searching:
                self._waiting.add(runner.cell.name)
        return None

    def _keys_in_training(self) -> set[tuple[str, int]]:
        """Networks and seeds in training, which must not share their checkpoint."""
        return {assignment.record.key for _, assignment, _ in self._given.values()}

    def report(self, trial_id: str, epoch: int, top1: float) -> None:
        """Record the accuracy after an epoch; repeated after a restart, it is the same."""
        runner, assignment, top1s = self._given[trial_id]
        if epoch not in top1s:
            top1s[epoch] = top1
            assignment.store.report(assignment.record, epoch, top1)
            self._statuses.pop(runner.cell.name, None)

    def finish(self, trial_id: str, *, error: str = "") -> None:
        """Record the end of a trial: complete, stopped early, or failed with an error."""
        runner, assignment, top1s = self._given.pop(trial_id)
        runner.running.discard(trial_id)
        self._waiting.discard(runner.cell.name)
        self._statuses.pop(runner.cell.name, None)
        if error or not top1s:
            assignment.store.fail(assignment.record, error or "it ended before its first epoch")
            runner.on_message(error)
            return
        last = max(top1s)
        values = top1s[last], *runner.costs(assignment)
        assignment.store.complete(assignment.record, values, pruned=last < assignment.epochs)

    def requeue(self, trial_id: str) -> None:
        """Assign a trial that could not start again, up to `MAX_REQUEUES` times."""
        runner, assignment, _ = self._given[trial_id]
        self._requeues[assignment.record.id] += 1
        if self._requeues[assignment.record.id] > MAX_REQUEUES:
            name = assignment.arch.name
            self.finish(trial_id, error=f"{name}: no process could be kept alive for it")
            return
        del self._given[trial_id]
        runner.running.discard(trial_id)
        self._held.append((runner, assignment))

    def folder_of(self, assignment: TrialAssignment) -> Path:
        """Folder of a trial's checkpoint, as every node sees it."""
        return training_folder(self.folder, assignment.arch, assignment.record.seed)

    # progress ---------------------------------------------------------------------------------

    def statuses(self) -> list[CellStatus]:
        """The status of every cell; only changed cells are counted again."""
        for runner in self.runners:
            if runner.cell.name not in self._statuses:
                self._statuses[runner.cell.name] = runner.status()
        return list(self._statuses[runner.cell.name] for runner in self.runners)

    def eta_s(self) -> float | None:
        """Estimated seconds left; None before the first epoch."""
        statuses = self.statuses()
        trained = sum(status.epochs for status in statuses) - self._before
        if trained <= 0:
            return None
        left = sum(status.epochs_left for status in statuses)
        return (time.monotonic() - self._start_s) * left / trained

    def _write_statuses(self) -> None:
        self._statuses.clear()
        write_statuses(self.folder, self.statuses())
