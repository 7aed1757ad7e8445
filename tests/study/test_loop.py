"""How often a strategy is asked with few and with many running trials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nas.optimize.limits import Limits
from nas.optimize.run import pricing_of
from nas.optimize.strategies.problem import Problem, problem_of
from nas.optimize.strategies.random import Random
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Ints
from nas.study.database import Database
from nas.study.loop import PATIENCE, TrialLoop
from nas.study.store import Store


class Counted(Random):
    """A strategy that counts how often it is asked."""

    asked = 0

    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        self.asked += 1
        return super().propose(problem, seen, rng)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[TrialLoop]:
    pricing = pricing_of("accel-nasbench", "pixel1-cpu", "imagenet")
    problem = problem_of(pricing, Limits((100.0,), (1.0,)), estimate=False)
    database = Database(tmp_path, sole=True)
    yield TrialLoop(Store.of(database, "proxy"), pricing.space, Counted(problem), (), 4 * PATIENCE)
    database.close()


def test_each_result_is_a_reason_to_ask_until_many_are_at_work(loop: TrialLoop) -> None:
    strategy, trials = loop.strategy, loop.next_trials()
    assert isinstance(strategy, Counted)
    for number in range(1, PATIENCE + 1):
        assert next(trials)
        assert strategy.asked == number
    for _ in range(2 * PATIENCE):  # nothing has become known meanwhile
        assert next(trials)
    assert strategy.asked == PATIENCE
    records = loop.store.records()
    for record in records[:2]:
        loop.store.complete(record, (50.0,))
    assert next(trials)
    assert strategy.asked == PATIENCE + 1
    assert len({record.arch_id for record in loop.store.records()}) == 3 * PATIENCE + 1


def test_what_is_over_a_limit_is_never_begun(loop: TrialLoop) -> None:
    problem = loop.strategy.problem
    codes = problem.layered.sample(200, np.random.default_rng(0))
    over = codes[~problem.within(codes)]
    assert len(over)
    loop.queue = [tuple(code) for code in over.tolist()]
    for _ in range(3):
        claimed = next(loop.next_trials())
        assert claimed is not None
        assert problem.within(np.array([loop.space.encode(claimed[1])]))[0]
