"""Reuse the trials of a smaller run of the same search.

The training of a rung is the beginning of its whole schedule, so the accuracy after some epochs
holds for any rung of that length. It also holds for a longer schedule if both begin alike
(`nas.train.optimiser`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nas.space.space import Code
from nas.study.database import Database
from nas.study.loop import code_of
from nas.study.record import Key, Record
from nas.study.store import Store
from nas.study.trainer import TrialAssignment

NAME = r"proxy, \d+ of (\d+) epochs"
"""Pattern of a rung's study without its prefix; see `nas.study.halving.rung_name`."""


@dataclass(frozen=True)
class EarlierTrials:
    """Networks trained by a smaller run, and the trials that can be reused."""

    codes: Sequence[Code] = ()
    """In the order of their trials."""
    records: Mapping[Key, Record] = field(default_factory=dict)
    """The longest reusable training of each key."""

    @classmethod
    def of(
        cls,
        database: Database,
        prefix: str,
        directions: Sequence[str],
        counts: Callable[[int], bool],
    ) -> EarlierTrials:
        """Read the rungs in a database; `counts` tells if a schedule of so many epochs counts."""
        codes: dict[str, Code] = {}
        records: dict[Key, Record] = {}
        for name, whole in _rungs(database, prefix):
            store, counting = Store.of(database, name, directions), counts(whole)
            for record in store.records():
                if record.state != "complete":
                    continue
                codes.setdefault(record.arch_id, tuple(code_of(record).tolist()))
                known = records.get(record.key, record)
                if counting and len(known.top1s) <= len(record.top1s):
                    records[record.key] = record
        return cls(list(codes.values()), records)

    def reuse(self, assignment: TrialAssignment) -> bool:
        """Complete a trial from an earlier one, if possible; return whether it was."""
        known = self.records.get(assignment.record.key)
        if known is None or assignment.final or assignment.epochs not in known.top1s:
            return False
        for epoch, top1 in known.top1s.items():
            if epoch <= assignment.epochs:
                assignment.store.report(assignment.record, epoch, top1)
        costs = known.values[1:]
        assignment.store.complete(assignment.record, [known.top1s[assignment.epochs], *costs])
        return True


def _rungs(database: Database, prefix: str) -> Iterator[tuple[str, int]]:
    """Yield the studies of rungs with the epochs of their schedules, oldest first."""
    pattern = re.compile(re.escape(prefix) + NAME)
    for name in database.names:
        if match := pattern.fullmatch(name):
            yield name, int(match[1])
