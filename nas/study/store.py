"""Trained networks as Optuna studies: one trial for each architecture and seed.

Studies are in an SQLite file unless another database is given; the Optuna dashboard opens both.
Results are written as soon as they are known. Several processes may share a store: if two begin the
same trial at once, the one with the lower number keeps it, and if the process of a trial dies,
another one takes the trial over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, cast

from nas.study import database
from nas.study.database import Database
from nas.study.record import Key, Record
from nas.study.trials import Trials

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages._heartbeat import BaseHeartbeat
    from optuna.trial import TrialState

ATTEMPTS = 3
"""Processes that may die with a trial before the trial fails."""


class Store:
    """One named study of a database."""

    def __init__(
        self, database: Database, name: str, directions: Sequence[str] = ("maximize",)
    ) -> None:
        self.database, self.name = database, name
        self.owner, self.storage = database.owner, database.storage
        self._heart = cast("BaseHeartbeat", self.storage)
        self._states = database.optuna.trial.TrialState
        self._full_name = f"{database.scope}{name}"
        self.study = self._open(list(directions))
        with database.reading():
            self._id = self.storage.get_study_id_from_name(self._full_name)
        self._trials = Trials(database, self._id)

    @classmethod
    def of(cls, database: Database, name: str, directions: Sequence[str] = ("maximize",)) -> Store:
        """A store, reused if only this process writes, since it need not be read again."""
        if not database.sole:
            return cls(database, name, directions)
        if name not in database.stores:
            database.stores[name] = cls(database, name, directions)
        found: Store = database.stores[name]
        return found

    def _open(self, directions: list[str]) -> Study:
        """Open the study, or create it."""
        optuna = self.database.optuna
        named = {"study_name": self._full_name, "storage": self.storage}
        with suppress(KeyError), self.database.reading():
            found: Study = optuna.load_study(**named)
            return found
        with self.owner.exclusive():
            made: Study = optuna.create_study(**named, directions=directions, load_if_exists=True)
        return made

    # reading ----------------------------------------------------------------------------------

    def records(self) -> list[Record]:
        """All trials that count, in order."""
        return self._trials.counting()

    def find(self, key: Key) -> Record | None:
        """The trial of an architecture and seed."""
        return self._trials.find(key)

    def abandoned(self) -> list[Record]:
        """Trials without a living process, and those of silent processes on other machines."""
        self.fail_stale()
        return self._trials.abandoned(self.owner.is_dead)

    # claiming ---------------------------------------------------------------------------------

    def claim(
        self,
        key: Key,
        params: Mapping[str, Any] | None = None,
        values: Mapping[str, Sequence[Any]] | None = None,
        **attrs: str | float,
    ) -> Record | None:
        """Claim the trial of a key for this process; None if it has ended or another works on it.

        Optuna shows `params` as the trial's parameters, each of which has some possible `values`,
        and `attrs` as facts beside the trial.
        """
        found = self.find(key)
        if found is not None:
            return self._take_over(found)
        void = [r.attrs["attempts"] for r in self._trials.void() if r.key == key]
        attempts = 1 + max(void, default=0)
        known = {"arch_id": key[0], "seed": key[1], "owner": self.owner.name, "attempts": attempts}
        made = self._create(params or {}, values or {}, {**attrs, **known})
        if self.database.sole:
            return self._trials.append(*key, "running", (), {}, {**attrs, **known}, made)
        first = self.find(key)
        assert first is not None
        if first.id != made:  # another process was faster: this one is no attempt
            self.storage.set_trial_user_attr(made, "attempts", 0)
            self.storage.set_trial_state_values(made, self._states.FAIL)
            return None
        if attempts > ATTEMPTS:
            self._give_up(first)
            return None
        return first

    def claim_each(
        self, keys: Collection[Key], claim: Callable[[Key], Record | None]
    ) -> Iterator[Record | None]:
        """Claim the trial of every key with `claim`, until all are finished by any process.

        Yields the claimed trials, and None while other processes work on the remaining ones.
        Several trials may run at once.
        """
        claimed: set[Key] = set()
        while True:
            self.fail_stale()
            for key in keys:
                if key not in claimed and (record := claim(key)) is not None:
                    claimed.add(key)
                    yield record
            found = [record for record in self.records() if record.key in keys]
            if len(found) == len(keys) and all(r.state != "running" for r in found):
                return
            yield None

    def _create(
        self,
        params: Mapping[str, Any],
        values: Mapping[str, Sequence[Any]],
        attrs: Mapping[str, Any],
    ) -> int:
        """Create a running trial; return its id."""
        optuna, asked = self.database.optuna, {"state": self._states.RUNNING, "user_attrs": attrs}
        categorical = optuna.distributions.CategoricalDistribution
        kinds = {name: categorical(own) for name, own in values.items()}
        if self.database.sole:  # all parameters in one query
            made = self.storage.create_new_trial(self._id, optuna.create_trial(**asked))
            self.database.insert_params(made, params, kinds)
            return made
        template = optuna.create_trial(**asked, params=dict(params), distributions=kinds)
        made = self.storage.create_new_trial(self._id, template)
        if not self.database.local:  # without a heartbeat a trial never counts as stale
            self._heart.record_heartbeat(made)
        return made

    def _take_over(self, record: Record) -> Record | None:
        """Claim a trial whose process has died; after too many deaths the trial fails."""
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
        """Fail a trial that killed too many processes, on whatever machine."""
        self.fail(record, f"its process died {ATTEMPTS} times")

    def fail_stale(self) -> None:
        """Fail trials of silent processes on other machines, so that they are begun again."""
        if not self.database.local:
            with self.database.ignoring_experimental():
                self.database.optuna.storages.fail_stale_trials(self.study)

    # writing ----------------------------------------------------------------------------------

    def work(self, record: Record, evaluate: Callable[[], Sequence[float] | None]) -> None:
        """Complete a trial with the objectives that `evaluate` returns; None if it has failed.

        Meanwhile a heartbeat tells other machines that this process works on the trial.
        """
        done = Event()
        thread = Thread(target=self._beat, args=(record, done), daemon=True)
        if not self.database.local:
            self._heart.record_heartbeat(record.id)
            thread.start()
        try:
            values = evaluate()
        finally:
            done.set()
        if values is not None:
            self.complete(record, values)

    def _beat(self, record: Record, done: Event) -> None:
        while not done.wait(database.BEAT_S):
            self._heart.record_heartbeat(record.id)

    def note(self, record: Record, **facts: str | float) -> None:
        """Write facts beside a trial."""
        for name, fact in facts.items():
            self.storage.set_trial_user_attr(record.id, name, fact)
        self._trials.merged(record, "attrs", facts)

    def report(self, record: Record, epoch: int, top1: float) -> None:
        """Write the accuracy after an epoch, in percent."""
        self.storage.set_trial_intermediate_value(record.id, epoch, top1)
        self._trials.merged(record, "top1s", {epoch: top1})

    def complete(self, record: Record, values: Sequence[float], *, pruned: bool = False) -> None:
        """End a trial with its objectives; `pruned`: its training was stopped early."""
        self._end(record, self._states.PRUNED if pruned else self._states.COMPLETE, values)

    def fail(self, record: Record, error: str) -> None:
        """End a trial with an error."""
        self.note(record, error=error)
        self._end(record, self._states.FAIL)

    def _end(
        self, record: Record, state: TrialState, values: Sequence[float] | None = None
    ) -> None:
        # another process may have taken over the trial while this one was silent
        with suppress(self.database.optuna.exceptions.UpdateFinishedTrialError):
            self.storage.set_trial_state_values(record.id, state, values)
            self._trials.changed(record, state=state.name.lower(), values=tuple(values or ()))
