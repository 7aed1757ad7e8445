"""What was trained, in Optuna studies: one trial for each architecture and seed.

SQLite in a file unless another database is named; either is what the Optuna dashboard opens.
Everything is written before anything else begins. Several processes may work on one store: of two
that begin the same trial at once the one with the lower number keeps it, and a trial whose process
has died goes on with another.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Literal

from nas.errors import ResultError
from nas.extras import require
from nas.study.owner import Owner

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage
    from optuna.storages._heartbeat import BaseHeartbeat
    from optuna.trial import FrozenTrial, TrialState

FILE = "study.db"
WAIT_S = 120
"""Longest that a process waits for its turn to write."""
BEAT_S, SILENT_S = 30, 180
"""How often processes on other machines show that they live, and when they are taken for dead."""
TRIES = 3
"""To make the tables."""
ATTEMPTS = 3
"""Processes that may die with a trial before it counts as broken."""

State = Literal["running", "complete", "fail"]
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


class Database:
    """Where studies are: `study.db` in a folder, or any URL that Optuna knows."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.optuna = require("train", "optuna")
        self.optuna.logging.set_verbosity(self.optuna.logging.WARNING)
        self.local = url is None
        self.owner = Owner(folder, everyone=self.local)
        self.url = url or f"sqlite:///{folder / FILE}"
        self._tables = self._opened()
        self.storage: BaseStorage = self.optuna.storages.get_storage(self._tables)

    def _opened(self) -> RDBStorage:
        """The tables, made where there are none.

        Raises:
            ResultError: there is no such database.
        """
        if self.url.startswith("postgresql"):
            require("postgres")
        options: dict[str, Any] = {"heartbeat_interval": BEAT_S, "grace_period": SILENT_S}
        if self.url.startswith("sqlite"):
            options = {"engine_kwargs": {"connect_args": {"timeout": WAIT_S}}}
        for tries_left in reversed(range(TRIES)):
            try:
                # two processes cannot make the tables at once
                with self.owner.alone(), self.quietly():
                    rdb: RDBStorage = self.optuna.storages.RDBStorage(self.url, **options)
                break
            except Exception as error:  # of whatever driver the URL names
                if not tries_left:
                    reason = str(error).strip().splitlines() or [type(error).__name__]
                    raise ResultError(f"--storage {self.url}: {reason[0]}") from None
                time.sleep(1)  # another machine may be making them
        if self.url.startswith("sqlite"):
            _serialise(rdb.engine)
        return rdb

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Without Optuna's warning that its heartbeat may change."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self.optuna.exceptions.ExperimentalWarning)
            yield

    def close(self) -> None:
        """Let other processes take over what this one has not finished."""
        self.storage.remove_session()
        self._tables.engine.dispose()
        self.owner.leave()


def _serialise(engine: Any) -> None:
    """Make transactions of SQLite wait for each other from their first statement on.

    Python's default begins them at the first write: what was read before may have changed.
    """
    from sqlalchemy import event

    engine.dispose()

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        connection.execute("PRAGMA journal_mode=WAL")

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


class Store:
    """One named study of a database."""

    def __init__(
        self, database: Database, name: str, directions: Sequence[str] = ("maximize",)
    ) -> None:
        self.database, self.name = database, name
        self.owner, self.storage = database.owner, database.storage
        optuna = database.optuna
        with self.owner.alone():
            self.study = optuna.create_study(
                storage=self.storage,
                study_name=name,
                directions=list(directions),
                load_if_exists=True,
            )
        self._id = self.storage.get_study_id_from_name(name)
        self._finished: dict[int, Record] = {}

    @cached_property
    def _states(self) -> Any:
        return self.database.optuna.trial.TrialState

    def records(self) -> list[Record]:
        """All trials that count, in order."""
        return [record for record in self._all() if record.counts]

    def _all(self) -> list[Record]:
        known, records = self._finished, []
        for trial in self.storage.get_all_trials(self._id, deepcopy=False):
            record = known.get(trial.number)
            if record is None:
                record = _record(trial)
                if record.state != "running":
                    known[trial.number] = record
            records.append(record)
        return records

    def find(self, key: Key) -> Record | None:
        """The trial of an architecture and seed."""
        return next((record for record in self.records() if record.key == key), None)

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
        named = {"arch_id": key[0], "seed": key[1], "owner": self.owner.name, "attempts": 1}
        optuna = self.database.optuna
        categorical = optuna.distributions.CategoricalDistribution
        template = optuna.create_trial(
            state=self._states.RUNNING,
            params=dict(params or {}),
            distributions={name: categorical(own) for name, own in (values or {}).items()},
            user_attrs={**attrs, **named},
        )
        made = self.storage.create_new_trial(self._id, template)
        first = self.find(key)
        assert first is not None
        if first.id == made:
            return first
        self.storage.set_trial_state_values(made, self._states.FAIL)  # another was faster
        return None

    def _taken_over(self, record: Record) -> Record | None:
        """A trial whose process has died, now this one's; after too many deaths it is broken."""
        if record.attrs["owner"] == self.owner.name and record.state == "running":
            return record
        if record.state != "running" or not self.owner.has_left(record.attrs["owner"]):
            return None
        with self.owner.alone():
            found = self.find(record.key)
            if found is None or found.attrs["owner"] != record.attrs["owner"]:
                return None
            attempts = found.attrs["attempts"] + 1
            self.note(found, owner=self.owner.name, attempts=attempts)
        if attempts > ATTEMPTS:
            self.fail(found, f"its process died {ATTEMPTS} times")
            return None
        return self.find(record.key)

    def retire_silent(self) -> None:
        """Fail trials of processes elsewhere that are silent, so that they are begun again."""
        if not self.database.local:
            with self.database.quietly():
                self.database.optuna.storages.fail_stale_trials(self.study)

    def left(self) -> list[Record]:
        """Trials that nobody works on: their process died, or is silent and they were retired."""
        self.retire_silent()
        everything = self._all()
        counting = {record.key for record in everything if record.counts}
        has_left = self.owner.has_left
        return [
            record
            for record in everything
            if (record.state == "running" and has_left(record.attrs["owner"]))
            or record.key not in counting
        ]

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
            self._close(record, self._states.COMPLETE, values)

    def _beat(self, record: Record, done: Event) -> None:
        while not done.wait(BEAT_S):
            self._heart().record_heartbeat(record.id)

    def _heart(self) -> BaseHeartbeat:
        return self.storage  # type: ignore[return-value]

    def note(self, record: Record, **facts: str | float) -> None:
        """Facts that a reader of the store wants, beside the trial."""
        for name, fact in facts.items():
            self.storage.set_trial_user_attr(record.id, name, fact)

    def report(self, record: Record, epoch: int, top1: float) -> None:
        """An accuracy after an epoch."""
        self.storage.set_trial_intermediate_value(record.id, epoch, top1)

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
