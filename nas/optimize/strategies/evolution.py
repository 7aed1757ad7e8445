"""Regularized evolution: the oldest dies, not the worst (arXiv:1802.01548, algorithm 1).

Departs: mutations respect the limits, as in once-for-all's search, and change one or two genes; no
network is evaluated twice. The population is 30, for budgets of hundreds of evaluations; the
paper's 100 would leave no time for evolution.
"""

from __future__ import annotations

import numpy as np

from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.problem import Problem
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Ints

POPULATION = 30
SAMPLE = 10
"""Members of a tournament."""
CHILDREN = 32
"""Children to try until one is new."""


class Evolution(Strategy):
    """A child of the best of a random sample of the youngest."""

    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        if len(seen.scores) < POPULATION:
            return problem.sample(CHILDREN, rng)
        scores = seen.scores[-POPULATION:]
        drawn = rng.choice(POPULATION, SAMPLE, replace=False)
        parent = seen.codes[-POPULATION:][drawn[scores[drawn].argmax()]]
        many = np.repeat(parent[None], CHILDREN, axis=0)
        near = problem.mutated(many, rng)
        return near[rng.permutation(len(near))]
