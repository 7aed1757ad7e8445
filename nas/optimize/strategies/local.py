"""Local search: the neighbours of the best, until none is better (arXiv:2005.02960, algorithm 1).

Departures: a neighbour is evaluated alone and, where it is better, searched around at once; when a
network and all its neighbours are known, the next best one is searched around.
"""

from __future__ import annotations

import numpy as np

from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.problem import Problem
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Ints

STARTS = 10
"""Random ones, before the first neighbour."""
AROUND = 20
"""Networks at most, best first, whose neighbours are looked at for a new one."""


class Local(Strategy):
    """A random new neighbour of the best network that still has one."""

    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        if len(seen.scores) >= STARTS:
            for index in seen.best(AROUND):
                near = seen.new(problem.neighbours(seen.codes[index], rng))
                if len(near):
                    return near[rng.permutation(len(near))]
        return problem.sample(STARTS, rng)
