"""Successive halving and finals: train the candidates of a strategy, the better half longer.

A strategy proposes networks at the first rung, where all are trained equally long. The better half
is trained on, and so on; finalists are trained from scratch with several seeds. Each rung is a
study of the store. Finished trials are in the store and running ones have a checkpoint, so a killed
run can be resumed, and several processes may work on one run.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nas.errors import TrainingError
from nas.library import shipped_or_same
from nas.space.arch import Arch
from nas.study.database import Database
from nas.study.earlier import EarlierTrials
from nas.study.fronts import best_first
from nas.study.loop import POLL_S, TrialLoop, claim_trial, code_of, score_of
from nas.study.plan import Plan
from nas.study.record import Key, Record
from nas.study.spec import StudySpec
from nas.study.store import Store
from nas.study.trainer import Trainer, TrialAssignment
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from nas.supernet.judge import Judge
    from nas.train.run import Task

Assignments = Generator[TrialAssignment | None, None, list[Record]]
"""Yields claimed trials, or None while others work on the rest; returns the finished trials."""


def rung_name(epochs: int, whole: int) -> str:
    """Name of the study of trainings for the first epochs of a whole schedule.

    Without epochs, networks are judged with the weights of a supernet.
    """
    if not whole:
        return "inherited weights"
    return f"proxy, {epochs} of {whole} epochs"


def finals_name(epochs: int) -> str:
    """Name of the study of the finalists, trained for so many epochs."""
    if not epochs:
        return "finals, inherited weights"
    return f"finals, {epochs} epochs"


class _Rung(NamedTuple):
    """One training length: its store, the whole schedule and the epochs to train."""

    store: Store
    whole: int
    epochs: int
    final: bool = False


@dataclass(eq=False)
class SuccessiveHalving:
    """A run of a plan in a folder, or the rest of one."""

    task: Task
    folder: Path
    plan: Plan
    spec: StudySpec
    trials: int
    seed: int = 0
    url: str | None = None
    scope: str = ""
    """Prefix of the run's studies in a shared database."""
    on_progress: OnProgress = ignore
    on_message: OnMessage = ignore
    prefix: str = ""
    """Further prefix, if the run has several searches."""
    supernet: Path | None = None
    """Folder of a supernet whose weights all networks start from."""
    _archs: dict[str, Arch] = field(default_factory=dict, init=False)
    """Trained networks by id."""
    _earlier: EarlierTrials = field(default=EarlierTrials(), init=False)

    def run(self) -> None:
        """Do everything that is left.

        Raises:
            TrainingError: no network could be trained.
        """
        with closing(Database(self.folder, self.url, self.scope)) as database:
            for assignment in self.assignments(database):
                if assignment is None:
                    time.sleep(POLL_S)
                else:
                    assignment.store.work(assignment.record, partial(self._evaluate, assignment))

    def assignments(self, database: Database) -> Iterator[TrialAssignment | None]:
        """Yield claimed trials; None while other processes work on the remaining ones.

        Several trials may run at once.

        Raises:
            TrainingError: no network could be trained.
        """
        first, *rungs = self.plan.rungs(self.trials)
        directions = self.spec.directions
        self._earlier = EarlierTrials.of(database, self.prefix, directions, self._counts)
        kept = self._best((yield from self._search(self._rung(database, first[0]))))
        for epochs, count in rungs:
            rung = self._rung(database, epochs)
            kept = self._best((yield from self._train(rung, kept[:count], [self.seed])))
        longest = self.plan.longest
        finals = self.store(database, finals_name(longest))
        seeds = list(range(self.seed + 1, self.seed + 1 + self.plan.seeds))
        kept = [*kept[: self.plan.finalists], *map(self._arch, finals.records())]
        kept = list({arch.arch_id: arch for arch in kept}.values())  # also those of a smaller run
        yield from self._train(_Rung(finals, longest, longest, final=True), kept, seeds)

    def _rung(self, database: Database, epochs: int) -> _Rung:
        whole = self.plan.epochs
        return _Rung(self.store(database, rung_name(epochs, whole)), whole, epochs)

    def store(self, database: Database, name: str) -> Store:
        """The store of a rung or of the finals."""
        return Store.of(database, f"{self.prefix}{name}", self.spec.directions)

    def _counts(self, whole: int) -> bool:
        """Whether the accuracies of a schedule of so many epochs hold for the plan's schedule."""
        from nas.train.optimiser import same_schedule_prefix

        recipe = self.task.recipe
        steps = len(self.task.splits[0].labels) / recipe.batch
        return same_schedule_prefix(recipe, whole, self.plan.epochs, steps)

    def _search(self, rung: _Rung) -> Assignments:
        """Trials of the first rung; networks of a smaller run first."""
        loop = TrialLoop(
            rung.store,
            self.spec.pricing.space,
            self.spec.make_strategy(),
            [*self._earlier.codes, *self.spec.queue],
            self.trials,
            self.seed,
            self.spec.facts,
            partial(score_of, epoch=self.plan.compared),
        )
        yield from self._assigned(rung, loop.next_trials())
        return rung.store.records()

    def _assigned(
        self, rung: _Rung, claims: Iterable[tuple[Record, Arch] | None]
    ) -> Iterator[TrialAssignment | None]:
        """Claimed trials with their assignment, unless a smaller run has their result."""
        for claimed in claims:
            if claimed is None:
                yield None
                continue
            record, arch = claimed
            self._archs[arch.arch_id] = arch
            store, whole, epochs, final = rung
            assignment = TrialAssignment(store, record, arch, whole, epochs, final)
            if not self._earlier.reuse(assignment):
                yield assignment

    def _best(self, records: Sequence[Record]) -> list[Arch]:
        """Trained networks, best first by all objectives."""
        done = [record for record in records if record.state == "complete"]
        if not done:
            raise TrainingError(f"none of {len(records)} candidates could be trained")
        signs = [1.0, *[-1.0] * len(self.spec.objectives)]
        order = best_first(np.array([record.values for record in done]) * signs)
        return [self._arch(done[index]) for index in order]

    def _arch(self, record: Record) -> Arch:
        if record.arch_id not in self._archs:
            space = self.spec.pricing.space
            self._archs[record.arch_id] = shipped_or_same(space.decode(code_of(record)))
        return self._archs[record.arch_id]

    def _train(self, rung: _Rung, archs: list[Arch], seeds: list[int]) -> Assignments:
        """Trials of networks with seeds, until all are finished by any process."""
        space, store = self.spec.pricing.space, rung.store
        codes = {arch.arch_id: np.array(space.encode(arch)) for arch in archs}
        keys = {(arch.arch_id, seed): arch for arch in archs for seed in seeds}

        def claim(key: Key) -> Record | None:
            return claim_trial(store, self.spec.choices, keys[key], codes[key[0]], key[1])

        claims = (
            None if record is None else (record, keys[record.key])
            for record in store.claim_each(keys, claim)
        )
        yield from self._assigned(rung, claims)
        found = {record.key: record for record in store.records()}
        return [found[key] for key in keys]

    def _evaluate(self, assignment: TrialAssignment) -> Sequence[float] | None:
        """Train or judge the network of a trial; return its objectives."""
        top1 = self.trainer.evaluate(assignment)
        return None if top1 is None else (top1, *self.spec.costs(assignment.arch))

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
            self._judge(),
        )

    def _judge(self) -> Judge | None:
        """What evaluates with the supernet's weights, if there is one."""
        if self.supernet is None:
            return None
        from nas.supernet.result import load_judge

        return load_judge(self.supernet, self.spec.pricing.space, self.task)
