"""What was trained, in an Optuna study in an SQLite file: one trial per architecture and seed.

The file is what the Optuna dashboard opens. Everything is on the disk before anything else begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nas.extras import require

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

FILE = "study.db"

State = Literal["waiting", "running", "complete", "pruned", "fail"]


@dataclass(frozen=True, slots=True)
class Record:
    """One trial."""

    number: int
    arch_id: str
    seed: int
    state: State
    top1s: dict[int, float]
    """Accuracy on the judging images by epoch, in percent."""
    error: str
    _id: int
    """In the store's database."""


class Store:
    """One named study of a file."""

    def __init__(self, folder: Path, name: str) -> None:
        optuna = require("train", "optuna")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(
            storage=f"sqlite:///{folder / FILE}",
            study_name=name,
            direction="maximize",
            load_if_exists=True,
        )

    def records(self) -> list[Record]:
        """All trials."""
        return [_record(trial) for trial in self.study.get_trials()]

    def record(self, arch_id: str, seed: int) -> Record:
        """The trial of an architecture and seed; made where there is none."""
        own = [r for r in self.records() if (r.arch_id, r.seed) == (arch_id, seed)]
        if own and own[0].state != "waiting":
            return own[0]
        if not own:  # its name comes first, so that a kill leaves no trial without one
            self.study.enqueue_trial({}, user_attrs={"arch_id": arch_id, "seed": seed, "error": ""})
        self.study.ask()  # starts the one that waits
        return self.record(arch_id, seed)

    def note(self, record: Record, **facts: str | float) -> None:
        """Facts that a reader of the store wants, beside the trial."""
        for name, fact in facts.items():
            self._trial(record).set_user_attr(name, fact)

    def report(self, record: Record, epoch: int, top1: float) -> None:
        """An accuracy, once for each epoch."""
        if epoch not in self.record(record.arch_id, record.seed).top1s:
            self._trial(record).report(top1, epoch)

    def finish(self, record: Record, state: State, *, top1: float | None = None) -> None:
        """Close a trial."""
        from optuna.trial import TrialState

        self.study.tell(record.number, top1, state=TrialState[state.upper()])

    def _trial(self, record: Record) -> Trial:
        from optuna import trial

        return trial.Trial(self.study, record._id)


def _record(trial: FrozenTrial) -> Record:
    attrs = trial.user_attrs
    return Record(
        trial.number,
        attrs["arch_id"],
        attrs["seed"],
        trial.state.name.lower(),  # type: ignore[arg-type]
        dict(trial.intermediate_values),
        attrs["error"],
        trial._trial_id,  # the only way to a running trial of an earlier process
    )
