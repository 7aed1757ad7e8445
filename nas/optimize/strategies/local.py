"""Local search: the neighbours of the best, until none is better (arXiv:2005.02960, algorithm 1).

Departs: neighbours are evaluated one by one, and the search moves to a better one at once; when all
neighbours of a network are known, it continues from the next best network.
"""

from __future__ import annotations

import numpy as np

from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.problem import Problem
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Ints

STARTS = 10
"""Random networks before the first neighbour."""
AROUND = 20
"""Most networks, best first, whose neighbours are searched for a new one."""


class Local(Strategy):
    """Proposes random new neighbours of the best network that has any."""

    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        if len(seen.scores) >= STARTS:
            for index in seen.best(AROUND):
                near = seen.new(problem.neighbours(seen.codes[index], rng))
                if len(near):
                    return near[rng.permutation(len(near))]
        return problem.sample(STARTS, rng)
