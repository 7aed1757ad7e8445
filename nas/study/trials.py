"""The trials of one study, read from its database no more often than necessary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile
from typing import Any

from nas.study.database import Database
from nas.study.record import Key, Record


class Trials:
    """The trials of one study.

    Trials that have ended never change, so all before the first running one are converted once. If
    only this process writes to the database, all trials are kept.
    """

    def __init__(self, database: Database, study_id: int) -> None:
        self._database, self._id = database, study_id
        self._ended: list[Record] = []
        """Trials before the first running one."""
        self._all: list[Record] | None = None
        """All trials, if only this process writes."""

    def counting(self) -> list[Record]:
        """All trials that count, in order."""
        return [record for record in self._read() if record.counts]

    def void(self) -> list[Record]:
        """Trials that do not count, see `Record.counts`."""
        return [record for record in self._read() if not record.counts]

    def abandoned(self, is_dead: Callable[[str], bool]) -> list[Record]:
        """Void trials whose key has no other trial, and running ones whose owner is dead."""
        records = self._read()
        keys = {record.key for record in records if record.counts}
        return [
            *(r for r in records if not r.counts and r.key not in keys),
            *(r for r in records if r.state == "running" and is_dead(r.attrs["owner"])),
        ]

    def find(self, key: Key) -> Record | None:
        """The trial of an architecture and seed."""
        of_arch = (record for record in self._read() if record.arch_id == key[0])
        return next((r for r in of_arch if r.seed == key[1] and r.counts), None)

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

    def _read(self) -> list[Record]:
        """All trials, in order."""
        if self._all is not None:
            return self._all
        with self._database.reading():
            trials = self._database.storage.get_all_trials(self._id, deepcopy=False)
        later = [Record.of(trial) for trial in trials[len(self._ended) :]]
        records = [*self._ended, *later]
        self._ended += takewhile(lambda record: record.state != "running", later)
        if self._database.sole:
            self._all = records
        return records
