"""Random search within the limits: what every other strategy must beat at an equal budget."""

from __future__ import annotations

import numpy as np

from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.problem import BATCH, Problem
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Ints


class Random(Strategy):
    """At each position every option that can stand is as likely; over the budget is drawn again."""

    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        return problem.sample(BATCH, rng)
