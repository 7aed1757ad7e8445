"""Trains networks of a space long, and scores them with every cheaper estimator.

Cheaper estimators are sizes, zero-cost proxies, the surrogate, fewer epochs, half the side, part of
the data, and inherited weights. Every score is on disk as soon as it is known.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from nas.errors import TrainingError
from nas.evaluate.fidelity.estimators import LONG, Estimator
from nas.evaluate.fidelity.ranking import Ranking, Score, ranking
from nas.files.csv import append_csv, read_csv
from nas.space.arch import Arch
from nas.system.processes import block_sigint, exit_with_parent, process_pool
from nas.system.progress import OnProgress, ignore

if TYPE_CHECKING:
    from nas.accuracy import Surrogate
    from nas.train.loop import Training
    from nas.train.run import Task

JOURNAL = "scores.csv"
COLUMNS = ("judge", "arch_id", "score", "seconds")

Elsewhere = Callable[["Fidelity", Sequence[tuple[Estimator, Arch]]], Iterator[Score]]


@dataclass(eq=False)
class Fidelity:
    """Scores networks in a folder, and resumes from it."""

    task: Task
    archs: Sequence[Arch]
    folder: Path
    surrogate: Surrogate
    seed: int = 0
    workers: int = 1
    """Processes, with a core each."""
    on_progress: OnProgress = ignore
    elsewhere: Elsewhere | None = None
    """Whoever scores in place of this machine's processes."""
    scores: dict[tuple[str, str], Score] = field(default_factory=dict)

    def run(self, estimators: Sequence[Estimator]) -> list[Ranking]:
        """Compute all scores; return every estimator's ranking, the long training's first."""
        self.scores = dict(_read(self.folder / JOURNAL))
        whole = len(estimators) * len(self.archs)
        for inheriting in (False, True):  # these need the weights of the long ones
            asked = [
                (estimator, arch)
                for estimator in estimators
                for arch in self.archs
                if estimator.inherit == inheriting
                and (estimator.name, arch.arch_id) not in self.scores
            ]
            for (estimator, arch), score in zip(asked, self._all(asked), strict=True):
                self._add(estimator.name, arch.arch_id, score)
                self.on_progress(f"{estimator.name}: {arch.arch_id}", len(self.scores) / whole)
        return [self.ranking(estimator.name) for estimator in estimators]

    def _all(self, asked: Sequence[tuple[Estimator, Arch]]) -> Iterator[Score]:
        """Yield scores in order, from several processes with a core each if there are `workers`."""
        job = replace(self, on_progress=ignore, elsewhere=None, scores={})
        if self.elsewhere is not None:
            yield from self.elsewhere(job, asked)
        elif self.workers == 1 or not asked:
            yield from (self.score(estimator, arch) for estimator, arch in asked)
        else:
            with process_pool(self.workers, _begin, job, os.getpid()) as processes:
                with block_sigint():
                    scores = processes.map(_score, asked)
                yield from scores

    def ranking(self, estimator: str) -> Ranking:
        """Rank by the networks that both the estimator and the long training have scored."""
        ids = [arch.arch_id for arch in self.archs]
        own, long = ([self.scores[name, arch_id] for arch_id in ids] for name in (estimator, LONG))
        return ranking(estimator, own, long)

    def score(self, estimator: Estimator, arch: Arch) -> Score:
        """Score a network with one estimator, and time it."""
        from nas.evaluate.proxies import score

        start = perf_counter()
        if estimator.epochs:
            found = self._trained(estimator, arch)
        elif estimator.name == "surrogate":
            found = self.surrogate.predict(arch).top1
        else:
            fitted = self.task.fit(arch)
            found = score(
                fitted, estimator.name, self.task.batches(fitted.input[1]), seed=self.seed
            )
        return Score(found, perf_counter() - start)

    def _trained(self, estimator: Estimator, arch: Arch) -> float:
        """Train; return the validation accuracy, or NaN if training or inheritance failed."""
        from nas.modules import save_weights
        from nas.space.retarget import for_task

        fitted = self.task.fit(arch)
        if estimator.side != 1:
            side = round(estimator.side * fitted.input[1])
            fitted = for_task(fitted, classes=fitted.graph.shape[0], side=side)
        training = self.task.training(
            fitted, epochs=estimator.epochs, seed=self.seed, share=estimator.share
        )
        if estimator.inherit and not self._inherit(training, arch):
            return float("nan")
        try:
            for epoch in range(estimator.epochs):
                training.run_epoch(evaluate=epoch == estimator.epochs - 1)
        except TrainingError:
            return float("nan")
        if estimator.name == LONG:
            save_weights(training.module, self._weights(arch))
        return training.history[-1].val_top1

    def _inherit(self, training: Training, arch: Arch) -> bool:
        """Inherit from the nearest network with weights; False if there is none."""
        from nas.modules.checkpoints.weights import read_state
        from nas.train.inherit import inherit, kinship

        others = [other for other in self.archs if other != arch and self._weights(other).exists()]
        if not others:
            return False
        nearest = max(others, key=lambda other: kinship(arch, other))
        state = read_state(self._weights(nearest))
        inherit(training, self.task.fit(nearest), state)
        return True

    def _weights(self, arch: Arch) -> Path:
        return self.folder / f"{arch.arch_id}.safetensors"

    def _add(self, estimator: str, arch_id: str, score: Score) -> None:
        self.scores[estimator, arch_id] = score
        row = [estimator, arch_id, f"{score.score:.6g}", f"{score.seconds:.4g}"]
        append_csv(self.folder / JOURNAL, COLUMNS, row)


_job: Fidelity
"""Of this worker process."""


def _begin(job: Fidelity, parent: int) -> None:
    global _job
    from nas.train.device import use_cores

    exit_with_parent(parent)
    use_cores(1)
    _job = job


def _score(asked: tuple[Estimator, Arch]) -> Score:
    return _job.score(*asked)


def _read(path: Path) -> Iterator[tuple[tuple[str, str], Score]]:
    """Read earlier scores; drop a last line that was only half written."""
    if not path.exists():
        return
    os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
    for row in read_csv(path, COLUMNS):
        score = Score(row.number("score", finite=False), row.number("seconds"))
        yield (row.cells["judge"], row.cells["arch_id"]), score
