"""The results of a study: its candidates, best first, and the best one's accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import ResultError, TrainingError
from nas.files.resources import WEIGHTS
from nas.library import shipped_or_same
from nas.optimize import Candidate, SearchResult
from nas.optimize.run import assess
from nas.space.arch import Arch
from nas.study.database import Database
from nas.study.halving import SuccessiveHalving, finals_name, rung_name
from nas.study.loop import code_of
from nas.study.plan import Plan
from nas.study.record import Record
from nas.study.spec import StudySpec
from nas.study.trainer import training_folder
from nas.system.extras import require
from nas.train.preprocessing import Preprocessing

if TYPE_CHECKING:
    from pandas import DataFrame

    from nas.train.figures import Accuracy


WriteResult = Callable[[Path, SearchResult, Sequence[str], "StudyResult"], None]
"""Writes a result folder, as `nas.report.folders.write_search.write_result` does."""


@dataclass(frozen=True, slots=True)
class TrainedCandidate:
    """One candidate with its trainings."""

    candidate: Candidate
    state: str
    """`complete`, `pruned` (stopped before the last rung) or `fail`."""
    top1s: dict[int, float]
    """Top-1 on the validation images by epoch, in percent; after 0 with inherited weights."""
    finals: tuple[float, ...]
    """Top-1 of the final trainings, one per seed; empty unless this is a finalist."""
    error: str

    @property
    def epochs(self) -> int:
        """Epochs after which its accuracy was last known."""
        return max(self.top1s, default=0)

    @property
    def rank(self) -> tuple[bool, float, int, float]:
        """Sort key, best first: finalists, then the longest trained."""
        longest = self.epochs
        mean = sum(self.finals) / len(self.finals) if self.finals else 0.0
        return not self.finals, -mean, -longest, -self.top1s.get(longest, 0.0)


@dataclass(frozen=True, slots=True)
class StudyResult:
    """All candidates, best first, and the accuracy of the best."""

    trials: tuple[TrainedCandidate, ...]
    accuracy: Accuracy
    """Accuracy of the best over its seeds, on the validation images.

    With a supernet on the test images: the best of many was chosen on the validation images.
    """
    plan: Plan
    weights: Path
    """Weights of the best, from its first seed."""
    trained: Arch
    """The best as trained: for the data's classes and images of the recipe's side."""
    data: str
    recipe: str
    spec: StudySpec
    preprocessing: Preprocessing
    """Preprocessing of the best, with the class names."""
    supernet: Path | None = None
    """Folder of the supernet whose weights the networks started from."""

    @property
    def weights_from(self) -> str:
        """Where the weights of the best are from: epochs of training, or a supernet."""
        if not (epochs := self.plan.longest):
            return "inherited weights"
        return f"{'trained on for ' if self.supernet else ''}{epochs} epochs"

    def to_frame(self) -> DataFrame:
        """All candidates, best first, with a column for each predicted and trained figure."""
        rows = [
            {
                "name": trial.candidate.arch.name,
                "arch_id": trial.candidate.arch.arch_id,
                "state": trial.state,
                "predicted_ms": trial.candidate.ms,
                "estimated_top1": trial.candidate.top1,
                "epochs": trial.epochs,
                "inherited_top1": trial.top1s.get(0),
                "trained_top1": trial.top1s.get(trial.epochs) if trial.epochs else None,
                "final_top1": sum(trial.finals) / len(trial.finals) if trial.finals else None,
            }
            for trial in self.trials
        ]
        return require("notebook").DataFrame(rows)

    def __repr__(self) -> str:
        figure = f"{self.accuracy.top1:.2f} % [{self.accuracy.low:.2f}, {self.accuracy.high:.2f}]"
        best = self.trials[0].candidate.arch.name
        return f"<StudyResult: {len(self.trials)} trials on {self.data}: {best}, {figure}>"


def study_result(halving: SuccessiveHalving) -> StudyResult:
    """The results of a finished study.

    Raises:
        TrainingError: no finalist could be trained to the end.
        ResultError: the weights of the best are on another machine.
    """
    with closing(Database(halving.folder, halving.url, halving.scope)) as database:
        return study_result_in(database, halving)


def study_result_in(database: Database, halving: SuccessiveHalving) -> StudyResult:
    """`study_result` with an open database."""
    from nas.train.figures import accuracy
    from nas.train.final import tested

    trials = _trials(halving, database)
    best = trials[0]
    if not best.finals:
        raise TrainingError("no finalist could be trained to the end")
    arch, task = best.candidate.arch, halving.task
    fitted = task.fit(arch)
    weights = _weights(halving, arch, len(best.finals))
    judged = accuracy(list(best.finals), task.validation_images)
    return StudyResult(
        tuple(trials),
        tested(task, fitted, weights) if halving.supernet else judged,
        halving.plan,
        weights[0],
        fitted,
        task.data.name,
        task.recipe.name,
        halving.spec,
        task.data.preprocessing(fitted.input[1]),
        halving.supernet,
    )


def _weights(halving: SuccessiveHalving, arch: Arch, finals: int) -> list[Path]:
    """Files of the weights of the best; with a supernet, of each of its final trainings.

    Raises:
        ResultError: one is on another machine.
    """
    seeds = range(halving.seed + 1, halving.seed + 1 + halving.plan.seeds)
    paths = [training_folder(halving.folder, arch, seed) / WEIGHTS for seed in seeds]
    found = [path for path in paths if path.exists()]
    missing = [path for path in paths if not path.exists()]
    if len(found) < finals if halving.supernet else not paths[0].exists():
        raise ResultError(
            f"{missing[0]} is missing: it was written in another folder or on another machine; copy"
            " it from there and use --resume, or use --force to start over"
        )
    return found


def _trials(halving: SuccessiveHalving, database: Database) -> list[TrainedCandidate]:
    plan, spec = halving.plan, halving.spec
    rungs = [epochs for epochs, _ in plan.rungs(halving.trials)]
    records: dict[str, list[Record]] = {}
    for epochs in rungs:
        for record in halving.store(database, rung_name(epochs, plan.epochs)).records():
            records.setdefault(record.arch_id, []).append(record)
    finals: dict[str, list[float]] = {}
    for record in halving.store(database, finals_name(plan.longest)).records():
        if record.state == "complete":
            finals.setdefault(record.arch_id, []).append(record.values[0])
    pricing = spec.pricing
    trials = []
    for arch_id, own in records.items():
        arch = shipped_or_same(pricing.space.decode(code_of(own[0])))
        candidate = assess(arch, pricing.device, pricing.surrogate)
        top1s = {epoch: top1 for record in own for epoch, top1 in record.top1s.items()}
        state = own[-1].state if len(own) == len(rungs) or own[-1].state == "fail" else "pruned"
        error = own[-1].error
        trials.append(
            TrainedCandidate(candidate, state, top1s, tuple(finals.get(arch_id, ())), error)
        )
    return sorted(trials, key=lambda trial: trial.rank)
