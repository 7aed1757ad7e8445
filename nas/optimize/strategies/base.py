"""What a strategy answers: candidates to evaluate next, best first.

A strategy turns a problem and what was seen of it into candidates, from a generator that is made
anew for every question: it keeps nothing that does not follow from what was seen, so a search that
is resumed goes on as if it had never stopped.
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
    """Which network to evaluate next."""

    fronts: ClassVar[bool] = False
    """It handles several objectives itself; others are asked under limits that are drawn."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @abstractmethod
    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        """(k, P) candidates within the limits, best first; any of them may be known already.

        `problem` is the strategy's own, perhaps under tighter limits.
        """

    def ask(self, seen: Seen, rng: np.random.Generator) -> Iterator[Ints]:
        """New candidates, best first, until there are no others; random ones after its own."""
        problem, shown = self.problem, seen
        if problem.costs is not None and not self.fronts:
            problem, shown = problem.tightened(seen, rng)
        yield from seen.new(self.propose(problem, shown, rng))
        for _ in range(TRIES):
            yield from seen.new(self.problem.sample(BATCH, rng))
