"""Base class of strategies, which propose candidates to evaluate next, best first.

A strategy derives candidates from a problem, its past evaluations and a random generator that is
new for every proposal. It keeps no other state, so a resumed search continues as if it had not been
interrupted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from nas.optimize.strategies.problem import BATCH, TRIES, Problem
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Ints


class Strategy(ABC):
    """Chooses the network to evaluate next."""

    fronts: ClassVar[bool] = False
    """Whether it handles several objectives; other strategies search under random limits."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @abstractmethod
    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        """(k, P) candidates within the limits, best first; some may have been evaluated.

        `problem` is the strategy's own, possibly with tighter limits.
        """

    def ask(self, seen: Seen, rng: np.random.Generator) -> Iterator[Ints]:
        """New candidates, best first, followed by random ones until none are left."""
        problem, shown = self.problem, seen
        if problem.costs is not None and not self.fronts:
            problem, shown = problem.tightened(seen, rng)
        yield from seen.new(self.propose(problem, shown, rng))
        for _ in range(TRIES):
            yield from seen.new(self.problem.sample(BATCH, rng))
