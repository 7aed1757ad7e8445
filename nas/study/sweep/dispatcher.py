"""Who works on what: gives the trials of all cells to whoever is free, and notes what they say.

The desk is the only one that writes in the store. Whoever trains knows no store: they get an order
by a ticket, tell every epoch, and say how it ended. What was not ended when the desk is gone is
given out again by the next one, and goes on at its checkpoint.
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
"""Times that a trial is given out again because its process could not begin."""


@dataclass(eq=False)
class Dispatcher:
    """Gives out trials of lines, in the order of the file where several have as few at work."""

    runners: Sequence[CellRunner]
    folder: Path
    _given: dict[str, tuple[CellRunner, TrialAssignment, dict[int, float]]] = field(
        default_factory=dict, init=False
    )
    """By ticket, with the accuracy after each epoch that was told."""
    _held: list[tuple[CellRunner, TrialAssignment]] = field(default_factory=list, init=False)
    """Claimed, while another cell trains the same network with the same seed."""
    _waiting: set[str] = field(default_factory=set, init=False)
    """Cells that wait for their own trials."""
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
        """Trials that are given out."""
        return len(self._given)

    def next_trial(self, trial_id: str) -> TrialAssignment | None:
        """A trial for a ticket; None while there is none."""
        found = self._next_held() or self._next_new()
        if found is None:
            return None
        runner, assignment = found
        self._given[trial_id] = (runner, assignment, dict(assignment.record.top1s))
        runner.running.add(trial_id)
        self._statuses.pop(runner.cell.name, None)
        return assignment

    def assignment(self, trial_id: str) -> TrialAssignment:
        """What a ticket stands for."""
        return self._given[trial_id][1]

    def _next_held(self) -> tuple[CellRunner, TrialAssignment] | None:
        """A held trial that nobody trains any more."""
        busy = self._keys_in_training()
        for index, (_, assignment) in enumerate(self._held):
            if assignment.record.key not in busy:
                return self._held.pop(index)
        return None

    def _next_new(self) -> tuple[CellRunner, TrialAssignment] | None:
        """A new trial, of the cell that has the fewest at work."""
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
        """Networks and seeds that are trained now: they share a checkpoint."""
        return {assignment.record.key for _, assignment, _ in self._given.values()}

    def report(self, trial_id: str, epoch: int, top1: float) -> None:
        """An accuracy after an epoch; told again after a move, it is the same."""
        runner, assignment, top1s = self._given[trial_id]
        if epoch not in top1s:
            top1s[epoch] = top1
            assignment.store.report(assignment.record, epoch, top1)
            self._statuses.pop(runner.cell.name, None)

    def ended(self, trial_id: str, *, error: str = "") -> None:
        """A trial was trained to its end, was stopped before it, or broke."""
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
        """A trial that could not be begun is given out again, not for ever."""
        runner, assignment, _ = self._given[trial_id]
        self._requeues[assignment.record.id] += 1
        if self._requeues[assignment.record.id] > MAX_REQUEUES:
            name = assignment.arch.name
            self.ended(trial_id, error=f"{name}: no process could be kept alive for it")
            return
        del self._given[trial_id]
        runner.running.discard(trial_id)
        self._held.append((runner, assignment))

    def folder_of(self, assignment: TrialAssignment) -> Path:
        """Where a training has its checkpoint, seen from every node."""
        return training_folder(self.folder, assignment.arch, assignment.record.seed)

    # how far ----------------------------------------------------------------------------------

    def statuses(self) -> list[CellStatus]:
        """How far every cell is; only those are counted anew that something happened to."""
        for runner in self.runners:
            if runner.cell.name not in self._statuses:
                self._statuses[runner.cell.name] = runner.status()
        return list(self._statuses[runner.cell.name] for runner in self.runners)

    def eta_s(self) -> float | None:
        """Seconds that are left at the pace so far; None before the first epoch."""
        statuses = self.statuses()
        trained = sum(status.epochs for status in statuses) - self._before
        if trained <= 0:
            return None
        left = sum(status.epochs_left for status in statuses)
        return (time.monotonic() - self._start_s) * left / trained

    def _write_statuses(self) -> None:
        self._statuses.clear()
        write_statuses(self.folder, self.statuses())
