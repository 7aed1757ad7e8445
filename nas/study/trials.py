"""The trials of one study, read from its database no more often than necessary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nas.study.database import Database
from nas.study.record import Key, Record


class Trials:
    """The trials of one study.

    Trials that have ended never change, so all before the first running one are kept. If only this
    process writes to the database, all trials are kept.
    """

    def __init__(self, database: Database, study_id: int) -> None:
        self._database, self._id = database, study_id
        self._n_ended = 0
        """Number of trials before the first running one."""
        self._counting: dict[Key, Record] = {}
        """Those of them that count."""
        self._void: list[Record] = []
        """The others."""
        self._all: list[Record] | None = None
        """All trials, if only this process writes."""

    @property
    def kept(self) -> bool:
        """Whether all trials are known without reading the database."""
        return self._all is not None

    def counting(self) -> list[Record]:
        """All trials that count, in order."""
        later = self._later()
        return [*self._counting.values(), *(record for record in later if record.counts)]

    def void(self) -> list[Record]:
        """Trials that do not count, see `Record.counts`."""
        later = self._later()  # also updates what is kept
        return [*self._void, *(record for record in later if not record.counts)]

    def abandoned(self, is_dead: Callable[[str], bool]) -> list[Record]:
        """Void trials whose key has no other trial, and running ones whose owner is dead."""
        later = self._later()
        keys = {record.key for record in later if record.counts}
        void = [*self._void, *(record for record in later if not record.counts)]
        return [
            *(r for r in void if r.key not in keys and r.key not in self._counting),
            *(r for r in later if r.state == "running" and is_dead(r.attrs["owner"])),
        ]

    def find(self, key: Key) -> Record | None:
        """The trial of an architecture and seed."""
        later = (record for record in self._later() if record.counts and record.key == key)
        first = next(later, None)
        return self._counting.get(key, first)

    def append(self, *values: Any) -> Record:
        """Keep a trial that this process has written; `values` follow its number."""
        assert self._all is not None
        self._all.append(Record(len(self._all), *values))
        return self._all[-1]

    def changed(self, record: Record, **changes: Any) -> None:
        """Update the kept copy of a trial with what this process has written."""
        if self._all is not None:
            self._all[record.number] = replace(self._all[record.number], **changes)

    def merged(self, record: Record, name: str, entries: dict[Any, Any]) -> None:
        """Update a mapping of the kept copy of a trial."""
        if self._all is not None:
            old = getattr(self._all[record.number], name)
            self.changed(record, **{name: {**old, **entries}})

    def _later(self) -> list[Record]:
        """Trials from the first running one on."""
        later = self._read()[self._n_ended :]
        while later and later[0].state != "running":
            record = later.pop(0)
            self._n_ended += 1
            if record.counts:
                self._counting[record.key] = record
            else:
                self._void.append(record)
        return later

    def _read(self) -> list[Record]:
        """All trials."""
        if self._all is not None:
            return self._all
        with self._database.reading():
            trials = self._database.storage.get_all_trials(self._id, deepcopy=False)
        records = [Record.of(trial) for trial in trials]
        if self._database.sole:
            self._all = records
        return records
