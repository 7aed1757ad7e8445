"""What was trained, in Optuna studies: one trial for each architecture and seed.

SQLite in a file unless another database is named; either is what the Optuna dashboard opens.
Everything is written before anything else begins. Several processes may work on one store: of two
that begin the same trial at once the one with the lower number keeps it, and a trial whose process
has died goes on with another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Literal

from nas.study import database
from nas.study.database import Database

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages._heartbeat import BaseHeartbeat
    from optuna.trial import FrozenTrial, TrialState

ATTEMPTS = 3
"""Processes that may die with a trial before it counts as broken."""

State = Literal["running", "complete", "pruned", "fail"]
Key = tuple[str, int]
"""An architecture's id and the seed of its training."""


@dataclass(frozen=True, slots=True)
class Record:
    """One trial."""

    number: int
    arch_id: str
    seed: int
    state: State
    values: tuple[float, ...]
    """Accuracy in percent, then what else is an objective; none before it is complete."""
    top1s: Mapping[int, float]
    """Accuracy on the judging images by epoch, in percent."""
    attrs: Mapping[str, Any]
    id: int
    """In the database."""

    @property
    def key(self) -> Key:
        return self.arch_id, self.seed

    @property
    def error(self) -> str:
        """Why it failed."""
        return str(self.attrs.get("error", ""))

    @property
    def counts(self) -> bool:
        """Whether it is the trial of its key: not one that another process had already."""
        return self.state != "fail" or bool(self.error)


class Store:
    """One named study of a database."""

    def __init__(
        self, database: Database, name: str, directions: Sequence[str] = ("maximize",)
    ) -> None:
        self.database, self.name = database, name
        self.owner, self.storage = database.owner, database.storage
        self._whole_name = f"{database.scope}{name}"
        self.study = self._opened(list(directions))
        with database.reading():
            self._id = self.storage.get_study_id_from_name(self._whole_name)
        self._ended = 0
        """Trials before the first running one."""
        self._counting: dict[Key, Record] = {}
        """Those of them that count."""
        self._void: list[Record] = []
        """The others."""
        self._own: list[Record] | None = None
        """All trials, where nobody else writes."""

    @classmethod
    def of(cls, database: Database, name: str, directions: Sequence[str] = ("maximize",)) -> Store:
        """The study's one store where nobody else writes, which need not be read again."""
        if not database.sole:
            return cls(database, name, directions)
        if name not in database.stores:
            database.stores[name] = cls(database, name, directions)
        found: Store = database.stores[name]
        return found

    def _opened(self, directions: list[str]) -> Study:
        """The study, made if there is none."""
        optuna = self.database.optuna
        named = {"study_name": self._whole_name, "storage": self.storage}
        with suppress(KeyError), self.database.reading():
            found: Study = optuna.load_study(**named)
            return found
        with self.owner.exclusive():
            made: Study = optuna.create_study(**named, directions=directions, load_if_exists=True)
        return made

    @cached_property
    def _states(self) -> Any:
        return self.database.optuna.trial.TrialState

    def records(self) -> list[Record]:
        """All trials that count, in order."""
        later = self._later()
        return [*self._counting.values(), *(record for record in later if record.counts)]

    def _later(self) -> list[Record]:
        """Trials from the first running one on; those before it are kept, as they never change."""
        later = self._read()[self._ended :]
        while later and later[0].state != "running":
            record = later.pop(0)
            self._ended += 1
            if record.counts:
                self._counting[record.key] = record
            else:
                self._void.append(record)
        return later

    def _read(self) -> list[Record]:
        """All trials."""
        if self._own is not None:
            return self._own
        with self.database.reading():
            trials = self.storage.get_all_trials(self._id, deepcopy=False)
        records = [_record(trial) for trial in trials]
        if self.database.sole:
            self._own = records
        return records

    def _changed(self, record: Record, **changes: Any) -> None:
        """What this process has written is what it would read."""
        if self._own is not None:
            self._own[record.number] = replace(self._own[record.number], **changes)

    def find(self, key: Key) -> Record | None:
        """The trial of an architecture and seed."""
        later = (record for record in self._later() if record.counts and record.key == key)
        first = next(later, None)
        return self._counting.get(key, first)

    def claim(
        self,
        key: Key,
        params: Mapping[str, Any] | None = None,
        values: Mapping[str, Sequence[Any]] | None = None,
        **attrs: str | float,
    ) -> Record | None:
        """The trial of a key, for this process to work on; None where it is done or another's.

        `params` are what Optuna shows, each one of its `values`.
        """
        found = self.find(key)
        if found is not None:
            return self._taken_over(found)
        attempts = 1 + max((r.attrs["attempts"] for r in self._voids() if r.key == key), default=0)
        named = {"arch_id": key[0], "seed": key[1], "owner": self.owner.name, "attempts": attempts}
        categorical = self.database.optuna.distributions.CategoricalDistribution
        kinds = {name: categorical(own) for name, own in (values or {}).items()}
        if self._own is not None:
            return self._appended(key, dict(params or {}), kinds, {**attrs, **named})
        made = self._created(dict(params or {}), kinds, {**attrs, **named})
        first = self.find(key)
        assert first is not None
        if first.id != made:  # another was faster: this one is no attempt
            self.storage.set_trial_user_attr(made, "attempts", 0)
            self.storage.set_trial_state_values(made, self._states.FAIL)
            return None
        if attempts > ATTEMPTS:
            self._give_up(first)
            return None
        return first

    def _created(self, params: dict[str, Any], kinds: dict[str, Any], attrs: dict[str, Any]) -> int:
        """A running trial, in one step for whoever else looks; its id."""
        template = self.database.optuna.create_trial(
            state=self._states.RUNNING, params=params, distributions=kinds, user_attrs=attrs
        )
        made = self.storage.create_new_trial(self._id, template)
        if not self.database.local:  # without a heartbeat a trial never counts as stale
            self._heart().record_heartbeat(made)
        return made

    def _appended(
        self, key: Key, params: dict[str, Any], kinds: dict[str, Any], attrs: dict[str, Any]
    ) -> Record:
        """A trial where nobody else looks: parameters in one go, not a dozen queries for each."""
        assert self._own is not None
        made = self._created({}, {}, attrs)
        self.database.insert_params(made, params, kinds)
        self._own.append(Record(len(self._own), *key, "running", (), {}, attrs, made))
        return self._own[-1]

    def _taken_over(self, record: Record) -> Record | None:
        """A trial whose process has died, now this one's; after too many deaths it is broken."""
        if record.attrs["owner"] == self.owner.name and record.state == "running":
            return record
        if record.state != "running" or not self.owner.is_dead(record.attrs["owner"]):
            return None
        with self.owner.exclusive():
            found = self.find(record.key)
            if found is None or found.attrs["owner"] != record.attrs["owner"]:
                return None
            attempts = found.attrs["attempts"] + 1
            self.note(found, owner=self.owner.name, attempts=attempts)
        if attempts > ATTEMPTS and not self.database.sole:
            self._give_up(found)
            return None
        return self.find(record.key)

    def _give_up(self, record: Record) -> None:
        """Close a trial that killed its process too often, on whatever machine."""
        self.fail(record, f"its process died {ATTEMPTS} times")

    def fail_stale(self) -> None:
        """Fail trials of processes elsewhere that are silent, so that they are begun again."""
        if not self.database.local:
            with self.database.quietly():
                self.database.optuna.storages.fail_stale_trials(self.study)

    def abandoned(self) -> list[Record]:
        """Trials that nobody works on: their process died, or is silent and they were retired."""
        self.fail_stale()
        later, is_dead = self._later(), self.owner.is_dead
        counting = {record.key for record in later if record.counts}
        return [
            *(r for r in self._voids() if r.key not in counting and r.key not in self._counting),
            *(r for r in later if r.state == "running" and is_dead(r.attrs["owner"])),
        ]

    def _voids(self) -> list[Record]:
        """Trials that do not count: retired as silent, or begun when another process had it."""
        later = self._later()  # which also moves what has ended
        return [*self._void, *(record for record in later if not record.counts)]

    def work(self, record: Record, evaluate: Callable[[], Sequence[float] | None]) -> None:
        """Complete a trial with the objectives that `evaluate` returns; None: it failed.

        While it lasts, other machines are shown every so often that the trial is worked on.
        """
        done = Event()
        thread = Thread(target=self._beat, args=(record, done), daemon=True)
        if not self.database.local:
            self._heart().record_heartbeat(record.id)
            thread.start()
        try:
            values = evaluate()
        finally:
            done.set()
        if values is not None:
            self.complete(record, values)

    def complete(self, record: Record, values: Sequence[float], *, pruned: bool = False) -> None:
        """Close a trial with its objectives; `pruned`: it was not trained to the end."""
        self._close(record, self._states.PRUNED if pruned else self._states.COMPLETE, values)

    def _beat(self, record: Record, done: Event) -> None:
        while not done.wait(database.BEAT_S):
            self._heart().record_heartbeat(record.id)

    def _heart(self) -> BaseHeartbeat:
        return self.storage  # type: ignore[return-value]

    def note(self, record: Record, **facts: str | float) -> None:
        """Facts that a reader of the store wants, beside the trial."""
        for name, fact in facts.items():
            self.storage.set_trial_user_attr(record.id, name, fact)
        if self._own is not None:
            self._changed(record, attrs={**self._own[record.number].attrs, **facts})

    def report(self, record: Record, epoch: int, top1: float) -> None:
        """An accuracy after an epoch."""
        self.storage.set_trial_intermediate_value(record.id, epoch, top1)
        if self._own is not None:
            self._changed(record, top1s={**self._own[record.number].top1s, epoch: top1})

    def fail(self, record: Record, error: str) -> None:
        """Close a trial that broke."""
        self.note(record, error=error)
        self._close(record, self._states.FAIL)

    def _close(
        self, record: Record, state: TrialState, values: Sequence[float] | None = None
    ) -> None:
        # this process may have been silent for so long that another has it now
        with suppress(self.database.optuna.exceptions.UpdateFinishedTrialError):
            self.storage.set_trial_state_values(record.id, state, values)
            self._changed(record, state=state.name.lower(), values=tuple(values or ()))


def _record(trial: FrozenTrial) -> Record:
    attrs = trial.user_attrs
    return Record(
        trial.number,
        attrs["arch_id"],
        attrs["seed"],
        trial.state.name.lower(),  # type: ignore[arg-type]
        tuple(trial.values or ()),
        dict(trial.intermediate_values),
        dict(attrs),
        trial._trial_id,
    )
