"""What a smaller run of the same search has trained: kept where it is what the larger one asks for.

A rung's training is the beginning of its whole schedule. So an accuracy after some epochs counts
for any rung of so many, and for a longer schedule where both begin alike (`nas.train.course`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nas.space.space import Code
from nas.study.database import Database
from nas.study.loop import code_of
from nas.study.store import Key, Record, Store
from nas.study.trainer import TrialAssignment

NAME = r"proxy, \d+ of (\d+) epochs"
"""Of a rung's study, without its prefix; see `nas.study.halving.rung_name`."""


@dataclass(frozen=True)
class EarlierTrials:
    """Networks that were trained, and their accuracies where those count."""

    codes: Sequence[Code] = ()
    """In the order they were begun."""
    records: Mapping[Key, Record] = field(default_factory=dict)
    """The one of each key that was trained longest."""

    @classmethod
    def of(
        cls,
        database: Database,
        prefix: str,
        directions: Sequence[str],
        counts: Callable[[int], bool],
    ) -> EarlierTrials:
        """From the rungs in a database; `counts` says it of a schedule's epochs."""
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
        """Whether a trial needs no training; it is complete then."""
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
    """Studies of rungs and the epochs of their schedules, in the order they were begun."""
    pattern = re.compile(re.escape(prefix) + NAME)
    for name in database.names:
        if match := pattern.fullmatch(name):
            yield name, int(match[1])
