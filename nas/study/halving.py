"""The costly half of a search: candidates trained a little, the best on and on, finalists anew.

A strategy looks for networks at the first rung of successive halving, where all are trained
equally long; the better half is trained on, and so on; finalists are trained anew with several
seeds. Each rung is a study of the store. Everything finished is in it, everything begun in a
checkpoint, so whatever is killed goes on where it was, and several processes may run the same
cascade.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nas.errors import TrainingError
from nas.space.arch import Arch
from nas.study.database import Database
from nas.study.earlier import EarlierTrials
from nas.study.fronts import best_first
from nas.study.loop import POLL_S, TrialLoop, claim_trial, code_of, score_of
from nas.study.plan import Plan
from nas.study.spec import StudySpec
from nas.study.store import Key, Record, Store
from nas.study.trainer import Trainer, TrialAssignment
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from nas.train.run import Task

Assignments = Generator[TrialAssignment | None, None, list[Record]]
"""What to train, and the finished trials at the end."""


def rung_name(epochs: int, whole: int) -> str:
    """The study of what was trained for the first epochs of a whole schedule."""
    return f"proxy, {epochs} of {whole} epochs"


def finals_name(epochs: int) -> str:
    """The study of the finalists, trained so long."""
    return f"finals, {epochs} epochs"


@dataclass(eq=False)
class SuccessiveHalving:
    """Runs a plan in a folder, or what is left of it."""

    task: Task
    folder: Path
    plan: Plan
    spec: StudySpec
    trials: int
    seed: int = 0
    url: str | None = None
    scope: str = ""
    """Of its run in the database."""
    on_progress: OnProgress = ignore
    on_message: OnMessage = ignore
    prefix: str = ""
    """Of its studies' names, where its run has others."""
    _archs: dict[str, Arch] = field(default_factory=dict, init=False)
    """By id, those that were trained."""
    _earlier: EarlierTrials = field(default=EarlierTrials(), init=False)

    def without_caches(self) -> SuccessiveHalving:
        """The same without what it has cached."""
        return replace(self, spec=replace(self.spec))

    def run(self) -> None:
        """Everything that is left to do.

        Raises:
            TrainingError: not one network could be trained.
        """
        database = Database(self.folder, self.url, self.scope)
        try:
            for assignment in self.assignments(database):
                if assignment is None:
                    time.sleep(POLL_S)
                else:
                    assignment.store.work(assignment.record, partial(self._evaluated, assignment))
        finally:
            database.close()

    def assignments(self, database: Database) -> Iterator[TrialAssignment | None]:
        """What to train, claimed; None while there is nothing but to wait for others.

        More may be taken before those taken are finished.

        Raises:
            TrainingError: not one network could be trained.
        """
        first, *rungs = self.plan.rungs(self.trials)
        whole, directions = self.plan.epochs, self.spec.directions
        self._earlier = EarlierTrials.of(database, self.prefix, directions, self._counts)
        kept = self._best((yield from self._search(database, first[0])))
        for epochs, count in rungs:
            store = self.store(database, rung_name(epochs, whole))
            trained = self._trained(store, kept[:count], [self.seed], whole, epochs)
            kept = self._best((yield from trained))
        longest = self.plan.longest
        finals = self.store(database, finals_name(longest))
        seeds = list(range(self.seed + 1, self.seed + 1 + self.plan.seeds))
        kept = self._finalists(kept, finals)
        yield from self._trained(finals, kept, seeds, longest, longest, final=True)

    def store(self, database: Database, name: str) -> Store:
        """The study of a rung or of the finals."""
        return Store.of(database, f"{self.prefix}{name}", self.spec.directions)

    def _counts(self, whole: int) -> bool:
        """Whether accuracies of a schedule of so many epochs are as good as of the plan's."""
        from nas.train.course import same_course

        recipe = self.task.recipe
        steps = len(self.task.splits[0].labels) / recipe.batch
        return same_course(recipe, whole, self.plan.epochs, steps)

    def _search(self, database: Database, epochs: int) -> Assignments:
        """Trials of the first rung; networks of a smaller run come first."""
        whole, compared = self.plan.epochs, self.plan.compared
        store = self.store(database, rung_name(epochs, whole))
        loop = TrialLoop(
            store,
            self.spec.pricing.space,
            self.spec.make_strategy(),
            [*self._earlier.codes, *self.spec.queue],
            self.trials,
            self.seed,
            self.spec.facts,
            partial(score_of, epoch=compared),
        )
        for claimed in loop.next_trials():
            if claimed is None:
                yield None
                continue
            record, arch = claimed
            self._archs[arch.arch_id] = arch
            assignment = TrialAssignment(store, record, arch, whole, epochs)
            if not self._earlier.reuse(assignment):
                yield assignment
        return store.records()

    def _best(self, records: Sequence[Record]) -> list[Arch]:
        """Networks best first, by all objectives."""
        done = [record for record in records if record.state == "complete"]
        if not done:
            raise TrainingError(f"none of {len(records)} candidates could be trained")
        signs = [1.0, *[-1.0] * len(self.spec.objectives)]
        assignment = best_first(np.array([record.values for record in done]) * signs)
        return [self._arch(done[index]) for index in assignment]

    def _finalists(self, kept: Sequence[Arch], finals: Store) -> list[Arch]:
        """The best, and those of a smaller run: what it found is not forgotten."""
        archs = [*kept[: self.plan.finalists], *map(self._arch, finals.records())]
        return list({arch.arch_id: arch for arch in archs}.values())

    def _arch(self, record: Record) -> Arch:
        if record.arch_id not in self._archs:
            space = self.spec.pricing.space
            self._archs[record.arch_id] = space.decode(code_of(record))
        return self._archs[record.arch_id]

    def _trained(
        self,
        store: Store,
        archs: list[Arch],
        seeds: list[int],
        whole: int,
        epochs: int,
        *,
        final: bool = False,
    ) -> Assignments:
        """Trials of networks with seeds, when all are finished by whatever process."""
        space = self.spec.pricing.space
        codes = {arch.arch_id: np.array(space.encode(arch)) for arch in archs}
        keys = {(arch.arch_id, seed): arch for arch in archs for seed in seeds}
        taken: set[Key] = set()
        while True:
            store.fail_stale()
            for key, arch in keys.items():
                if key in taken:
                    continue
                record = claim_trial(store, self.spec.choices, arch, codes[key[0]], key[1])
                if record is not None:
                    taken.add(key)
                    assignment = TrialAssignment(store, record, arch, whole, epochs, final)
                    if not self._earlier.reuse(assignment):
                        yield assignment
            found = {record.key: record for record in store.records() if record.key in keys}
            if len(found) == len(keys) and all(r.state != "running" for r in found.values()):
                return [found[key] for key in keys]
            yield None

    def _evaluated(self, assignment: TrialAssignment) -> Sequence[float] | None:
        """Objectives after so many epochs."""
        training = self.trainer.train(assignment)
        if training is None:
            return None
        return training.history[assignment.epochs - 1].val_top1, *self.spec.costs(assignment.arch)

    @cached_property
    def trainer(self) -> Trainer:
        def on_progress(step: str, epochs: float) -> None:
            self.on_progress(step, epochs / self.plan.work(self.trials))

        return Trainer(
            self.task,
            self.folder,
            on_progress,
            self.on_message,
            self._archs.values if self.plan.inherit else None,
        )
