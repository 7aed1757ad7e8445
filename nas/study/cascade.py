"""The cascade's costly half: candidates trained a little, the best on and on, finalists anew.

Everything finished is in the store, everything begun in a checkpoint, so a run that was killed
goes on where it was and trains nothing twice. A candidate that breaks costs only itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nas.arch import Arch
from nas.errors import ArchError, RecipeError, TrainingError
from nas.search import Candidate
from nas.study.plan import Plan
from nas.study.store import Store

if TYPE_CHECKING:
    from nas.train.figures import Accuracy
    from nas.train.loop import Epoch, Training
    from nas.train.run import Task

PROXY, FINALS = "proxy", "finals"
"""Names of the studies in the store."""
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate, as the cascade left it."""

    candidate: Candidate
    state: str
    """`complete`, `pruned` or `fail`."""
    top1s: dict[int, float]
    """Accuracy on the judging images by epoch, in percent."""
    finals: tuple[float, ...]
    """Of the longer trainings, one a seed; empty unless it was a finalist."""
    error: str

    @property
    def rank(self) -> tuple[bool, float, int, float]:
        """Sorts the best first: finalists, then those trained longest."""
        longest = max(self.top1s, default=0)
        mean = sum(self.finals) / len(self.finals) if self.finals else 0.0
        return not self.finals, -mean, -longest, -self.top1s.get(longest, 0.0)


@dataclass(frozen=True, slots=True)
class Studied:
    """All trials, best first, and the accuracy of the best."""

    trials: tuple[Trial, ...]
    accuracy: Accuracy
    """Over its seeds, on the judging images."""
    plan: Plan
    weights: Path
    """Of the best, its first seed."""
    trained: Arch
    """The best as it was trained: for the data's classes, on images of the recipe's side."""
    data: str
    recipe: str


@dataclass(eq=False)
class Cascade:
    """Runs a plan in a folder, or what is left of it."""

    task: Task
    folder: Path
    plan: Plan
    seed: int = 0
    heard: Callable[[str, float], None] = lambda step, share: None
    said: Callable[[str], None] = lambda note: None
    _epochs: int = field(default=0, init=False)
    """Trained so far."""

    def run(self, candidates: Sequence[Candidate]) -> Studied:
        """Train, halve, and train the finalists longer.

        Raises:
            TrainingError: not one network could be trained.
        """
        self._whole = self.plan.work(len(candidates))
        self._archs = [candidate.arch for candidate in candidates]
        self.proxy, self.finals = Store(self.folder, PROXY), Store(self.folder, FINALS)
        for candidate in candidates:
            record = self.proxy.record(candidate.arch.arch_id, self.seed)
            facts = {"predicted_ms": candidate.ms, "estimated_top1": candidate.top1}
            if record.state == "running":
                self.proxy.note(record, name=candidate.arch.name, **facts)
        finalists = self._halve(candidates)
        seeds = range(self.seed + 1, self.seed + 1 + self.plan.seeds)
        for candidate in finalists:
            for seed in seeds:
                self._train(self.finals, candidate.arch, seed, self.plan.longest)
        return self._studied(candidates)

    def _halve(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The finalists, best first."""
        kept, rungs = list(candidates), self.plan.rungs(len(candidates))
        for place, (epochs, _) in enumerate(rungs):
            scored = [
                (self._train(self.proxy, c.arch, self.seed, self.plan.epochs, epochs), c)
                for c in kept
            ]
            alive = [(top1, c) for top1, c in scored if top1 is not None]
            ranked = [c for _, c in sorted(alive, key=lambda pair: -pair[0])]
            if not ranked:
                raise TrainingError(f"none of {len(candidates)} candidates could be trained")
            on = rungs[place + 1][1] if place + 1 < len(rungs) else len(ranked)
            for candidate in ranked[on:]:
                record = self.proxy.record(candidate.arch.arch_id, self.seed)
                if record.state == "running":
                    self.proxy.finish(record, "pruned")
            kept = ranked[:on]
        return kept[: self.plan.finalists]

    def _train(
        self, store: Store, arch: Arch, seed: int, epochs: int, until: int | None = None
    ) -> float | None:
        """Accuracy after `until` of `epochs` epochs, trained or known; None if it broke."""
        from nas.train.run import train

        until, record = until or epochs, store.record(arch.arch_id, seed)
        if record.state == "fail":
            return None
        if record.state == "complete" or (until in record.top1s and until < epochs):
            self._epochs += until - max((e for e in record.top1s if e < until), default=0)
            return record.top1s[until]

        def heard(epoch: Epoch) -> None:
            store.report(record, epoch.epoch, epoch.val_top1)
            self._epochs += 1
            step = f"{arch.name} epoch {epoch.epoch}: {epoch.val_top1:.1f} %"
            self.heard(step, self._epochs / self._whole)

        def watched(number: int, share: float, images_s: float) -> None:
            step = f"{arch.name} epoch {number}: {images_s:,.0f} images/s"
            self.heard(step, (self._epochs + share) / self._whole)

        try:
            training = train(
                self.task,
                self.task.fit(arch),
                self._place(store, arch, seed),
                epochs=epochs,
                until=until,
                seed=seed,
                start=self._relative(arch) if self.plan.inherit and store is self.proxy else None,
                heard=heard,
                watched=watched,
                said=self.said,
            )
        except (ArchError, RecipeError, TrainingError) as error:
            store.note(record, error=str(error))
            store.finish(record, "fail")
            self.said(str(error))
            return None
        for epoch in training.history:  # a kill may have come between checkpoint and store
            store.report(record, epoch.epoch, epoch.val_top1)
        if until == epochs:
            if store is self.finals:
                self._save(training, self._place(store, arch, seed))
            store.finish(record, "complete", top1=training.history[-1].val_top1)
        return training.history[until - 1].val_top1

    def _save(self, training: Training, folder: Path) -> None:
        from nas.build import save_weights

        save_weights(training.judged, folder / WEIGHTS)

    def _relative(self, arch: Arch) -> Callable[[Training], None]:
        """Gives a training the weights of the nearest candidate that has some."""
        from nas.train.inherit import inherit_from, kinship
        from nas.train.run import CHECKPOINT

        def start(training: Training) -> None:
            trained = {
                other: path
                for other in self._archs
                if (path := self._place(self.proxy, other, self.seed) / CHECKPOINT).exists()
            }
            if trained:
                nearest = max(trained, key=lambda other: kinship(arch, other))
                inherit_from(training, self.task.fit(nearest), trained[nearest])

        return start

    def _place(self, store: Store, arch: Arch, seed: int) -> Path:
        part = PROXY if store is self.proxy else FINALS
        return self.folder / "trials" / arch.arch_id / f"{part}-seed{seed}"

    def _studied(self, candidates: Sequence[Candidate]) -> Studied:
        from nas.train.figures import accuracy

        finals: dict[str, list[float]] = {}
        for record in self.finals.records():
            if record.state == "complete":
                finals.setdefault(record.arch_id, []).append(record.top1s[self.plan.longest])
        trials = []
        for candidate in candidates:
            record = self.proxy.record(candidate.arch.arch_id, self.seed)
            own = tuple(finals.get(record.arch_id, ()))
            trials.append(Trial(candidate, record.state, record.top1s, own, record.error))
        trials.sort(key=lambda trial: trial.rank)
        best = trials[0]
        if not best.finals:
            raise TrainingError("no finalist could be trained to the end")
        place = self._place(self.finals, best.candidate.arch, self.seed + 1)
        top1 = accuracy(list(best.finals), self.task.judging_images)
        arch, task = self.task.fit(best.candidate.arch), self.task
        names = (task.data.name, task.recipe.name)
        return Studied(tuple(trials), top1, self.plan, place / WEIGHTS, arch, *names)
