"""Ask, evaluate, record: the loop in which a strategy looks for networks that cost minutes each.

Every question follows from the seed, the number of trials begun and what is in the store, so a
loop that was stopped goes on as if it had not been. Several processes may run it on one store.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain

import numpy as np

from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.seen import Seen
from nas.space.arch import Arch
from nas.space.choices import Choices
from nas.space.columns import Ints
from nas.space.space import Code, Space
from nas.study.store import Record, Store

POLL_S = 0.2
"""Between looks at what other processes have done."""
PATIENCE = 10
"""Trials at work for each result after which a strategy is asked anew, and not for more of what it
answered before: of hundreds at work, one result more changes little."""

Evaluate = Callable[[Record, Arch], Sequence[float] | None]
"""Objectives of a network, accuracy first; None where the trial failed and was closed."""


@dataclass(eq=False)
class TrialLoop:
    """Looks for networks of a space with a strategy, until the store has `trials` of them."""

    store: Store
    space: Space
    strategy: Strategy
    queue: Sequence[Code]
    """Codes that are tried first; those over a limit are left out, as any other is."""
    trials: int
    seed: int = 0
    facts: Callable[[Arch], dict[str, float | str]] = lambda arch: {}
    """What is noted beside a trial."""
    score: Callable[[Record], float] = lambda record: score_of(record)
    """What the strategy is told of a trial."""
    _answers: Iterator[Ints] = field(default_factory=chain, init=False)
    _finished: int = field(default=0, init=False)
    """Trials, when the strategy was asked last."""

    def run(self, evaluate: Evaluate) -> list[Record]:
        """All trials, finished."""
        for claimed in self.next_trials():
            if claimed:
                self.store.work(claimed[0], partial(evaluate, *claimed))
            else:
                time.sleep(POLL_S)
        return self.store.records()

    def next_trials(self) -> Iterator[tuple[Record, Arch] | None]:
        """Trials to work on; None while there is nothing to do but wait for others.

        Ends when all trials are finished. More may be taken before those taken are finished.
        """
        while True:
            records = self.store.records()
            if claimed := self._left() or self._next(records):
                yield claimed
            elif any(record.state == "running" for record in records):
                yield None
            else:
                return

    def _left(self) -> tuple[Record, Arch] | None:
        """A trial that its process has left."""
        for record in self.store.abandoned():
            code = code_of(record)
            if claimed := self._begun(self.space.decode(code), code):
                return claimed
        return None

    def _next(self, records: Sequence[Record]) -> tuple[Record, Arch] | None:
        """A new trial; one process asks at a time, since each question depends on the others."""
        if len(records) >= self.trials:
            return None
        with self.store.owner.exclusive():
            records = self.store.records()
            if len(records) >= self.trials:
                return None
            known = {record.arch_id for record in records}
            codes = {record.attrs["code"] for record in records}
            for code in self._asked(records):
                if code_text(code) in codes or not self.strategy.problem.within(code[None])[0]:
                    continue
                arch = self.space.decode(code)
                if arch.arch_id not in known:
                    return self._begun(arch, code)
        self.trials = len(records)  # there are no others
        return None

    def _begun(self, arch: Arch, code: Ints) -> tuple[Record, Arch] | None:
        choices, facts = self.strategy.problem.choices, self.facts(arch)
        record = claim_trial(self.store, choices, arch, code, self.seed, **facts)
        return None if record is None else (record, arch)

    def _asked(self, records: Sequence[Record]) -> Iterator[Ints]:
        """Codes to try next, best first."""
        finished = sum(record.state != "running" for record in records)
        few = (len(records) - finished) // PATIENCE
        if finished - self._finished < few:
            yield from self._answers
        rng = np.random.default_rng([self.seed, len(records)])
        answers = self.strategy.ask(self._seen(records), rng)
        # a chain outlives the generator that yields from it: another goes on with what is left
        self._answers = chain(map(np.array, self.queue), answers)
        self._finished = finished
        yield from self._answers

    def _seen(self, records: Sequence[Record]) -> Seen:
        """What the strategy may know: finished trials, and which codes are begun."""
        if not records:
            return Seen.none(self.strategy.problem)
        codes = np.array([self._code(record) for record in records])
        return Seen.of(codes, np.array([self.score(record) for record in records]))

    def _code(self, record: Record) -> Ints:
        if record.number not in self._codes:
            self._codes[record.number] = code_of(record)
        return self._codes[record.number]

    @cached_property
    def _codes(self) -> dict[int, Ints]:
        return {}


def claim_trial(
    store: Store, choices: Choices, arch: Arch, code: Ints, seed: int, **facts: float | str
) -> Record | None:
    """Claim the trial of a network; None where it is done or another process's."""
    named = choices.named(code)
    values = {p.name: p.values for p in choices.parameters if p.name in named}
    genes = code_text(code)
    return store.claim((arch.arch_id, seed), named, values, name=arch.name, code=genes, **facts)


def code_text(code: Ints) -> str:
    """A code as trials have it."""
    return ",".join(map(str, code))


def code_of(record: Record) -> Ints:
    """The code that a trial was begun with."""
    return np.array([int(gene) for gene in record.attrs["code"].split(",")], np.int64)


def score_of(record: Record, epoch: int = 0) -> float:
    """Accuracy of a trial, perhaps after an epoch; the worst if it broke, NaN while it runs."""
    if record.state == "running":
        return np.nan
    if not record.values:
        return -np.inf
    return record.top1s[epoch] if epoch else record.values[0]
