"""The ask-evaluate-record loop of a strategy whose networks take minutes to evaluate.

Each proposal follows from the seed, the number of trials begun and the content of the store, so an
interrupted loop continues as if nothing had happened. Several processes may run it on one store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain

import numpy as np

from nas.library import shipped_or_same
from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.seen import Seen
from nas.space.arch import Arch
from nas.space.choices import Choices
from nas.space.columns import Ints
from nas.space.space import Code, Space
from nas.study.record import Record
from nas.study.store import Store

POLL_S = 0.2
"""Polling interval in seconds."""
PATIENCE = 10
"""Running trials per new result before the strategy is asked again.

With hundreds of running trials one result changes little, so its earlier proposals are used up.
"""


@dataclass(eq=False)
class TrialLoop:
    """Proposes networks of a space with a strategy until the store has `trials` of them."""

    store: Store
    space: Space
    strategy: Strategy
    queue: Sequence[Code]
    """Codes to try first, apart from those that break a limit."""
    trials: int
    seed: int = 0
    facts: Callable[[Arch], dict[str, float | str]] = lambda arch: {}
    """Facts to note beside a trial."""
    score: Callable[[Record], float] = lambda record: score_of(record)
    """The score of a trial that the strategy gets."""
    _pending: Iterator[Ints] = field(default_factory=chain, init=False)
    _finished: int = field(default=0, init=False)
    """Number of finished trials when the strategy was last asked."""

    def next_trials(self) -> Iterator[tuple[Record, Arch] | None]:
        """Yield claimed trials; None while other processes work on the remaining ones.

        The iterator ends when all trials are finished. Several trials may run at once.
        """
        while True:
            records = self.store.records()
            if claimed := self._next_abandoned() or self._next_new(records):
                yield claimed
            elif any(record.state == "running" for record in records):
                yield None
            else:
                return

    def _next_abandoned(self) -> tuple[Record, Arch] | None:
        """Claim a trial whose process has died."""
        for record in self.store.abandoned():
            code = code_of(record)
            if claimed := self._claim(shipped_or_same(self.space.decode(code)), code):
                return claimed
        return None

    def _next_new(self, records: Sequence[Record]) -> tuple[Record, Arch] | None:
        """Claim a new trial; one process at a time, since proposals depend on earlier trials."""
        if len(records) >= self.trials:
            return None
        with self.store.owner.exclusive():
            records = self.store.records()
            if len(records) >= self.trials:
                return None
            known = {record.arch_id for record in records}
            codes = {record.attrs["code"] for record in records}
            for code in self._proposals(records):
                if code_text(code) in codes or not self.strategy.problem.within(code[None])[0]:
                    continue
                arch = shipped_or_same(self.space.decode(code))
                if arch.arch_id not in known:
                    return self._claim(arch, code)
        self.trials = len(records)  # the strategy has no further proposals
        return None

    def _claim(self, arch: Arch, code: Ints) -> tuple[Record, Arch] | None:
        choices, facts = self.strategy.problem.choices, self.facts(arch)
        record = claim_trial(self.store, choices, arch, code, self.seed, **facts)
        return None if record is None else (record, arch)

    def _proposals(self, records: Sequence[Record]) -> Iterator[Ints]:
        """Codes to try next, best first."""
        finished = sum(record.state != "running" for record in records)
        few = (len(records) - finished) // PATIENCE
        if finished - self._finished < few:
            yield from self._pending
        rng = np.random.default_rng([self.seed, len(records)])
        proposed = self.strategy.ask(self._seen(records), rng)
        # the chain outlives this generator, so the next call continues it
        self._pending = chain(map(np.array, self.queue), proposed)
        self._finished = finished
        yield from self._pending

    def _seen(self, records: Sequence[Record]) -> Seen:
        """The strategy's view: scores of finished trials, and the codes that are running."""
        if not records:
            return Seen.none(self.strategy.problem)
        codes = np.array([code_of(record) for record in records])
        return Seen.of(codes, np.array([self.score(record) for record in records]))


def claim_trial(
    store: Store, choices: Choices, arch: Arch, code: Ints, seed: int, **facts: float | str
) -> Record | None:
    """Claim the trial of a network; None if it has ended or another process works on it."""
    named = choices.named(code)
    values = {p.name: p.values for p in choices.parameters if p.name in named}
    genes = code_text(code)
    return store.claim((arch.arch_id, seed), named, values, name=arch.name, code=genes, **facts)


def code_text(code: Ints) -> str:
    """A code as the attribute of a trial."""
    return ",".join(map(str, code))


def code_of(record: Record) -> Ints:
    """The code of a trial."""
    return _code(record.attrs["code"])


@cache
def _code(text: str) -> Ints:
    code = np.array([int(gene) for gene in text.split(",")], np.int64)
    code.setflags(write=False)  # all callers share it
    return code


def score_of(record: Record, epoch: int = 0) -> float:
    """Top-1 of a trial, or after an epoch; NaN while it runs, minus infinity if it failed."""
    if record.state == "running":
        return np.nan
    if not record.values:
        return -np.inf
    return record.top1s[epoch] if epoch else record.values[0]
