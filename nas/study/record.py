"""One trial of a study, as read from its store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

State = Literal["running", "complete", "pruned", "fail"]
Key = tuple[str, int]
"""An architecture's id and the seed of its training."""


@dataclass(frozen=True, slots=True)
class Record:
    """One trial: the training of one architecture with one seed."""

    number: int
    arch_id: str
    seed: int
    state: State
    values: tuple[float, ...]
    """Top-1 in percent, then the other objectives; empty until the trial is complete."""
    top1s: Mapping[int, float]
    """Top-1 on the validation images by epoch, in percent."""
    attrs: Mapping[str, Any]
    id: int
    """The trial's id in the database."""

    @classmethod
    def of(cls, trial: FrozenTrial) -> Record:
        """Convert a trial of Optuna."""
        attrs = trial.user_attrs
        return cls(
            trial.number,
            attrs["arch_id"],
            attrs["seed"],
            trial.state.name.lower(),  # type: ignore[arg-type]
            tuple(trial.values or ()),
            dict(trial.intermediate_values),
            dict(attrs),
            trial._trial_id,
        )

    @property
    def key(self) -> Key:
        return self.arch_id, self.seed

    @property
    def error(self) -> str:
        """Why the trial failed."""
        return str(self.attrs.get("error", ""))

    @property
    def counts(self) -> bool:
        """Whether this is the trial of its key.

        A trial that failed without an error is void: another process was faster to begin it, or its
        own process fell silent.
        """
        return self.state != "fail" or bool(self.error)
