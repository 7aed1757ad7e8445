"""Random search within the limits, the baseline at an equal budget for all other strategies."""

from __future__ import annotations

import numpy as np

from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.problem import BATCH, Problem
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Ints


class Random(Strategy):
    """Draws uniformly from the valid options at each position, and again if over a limit."""

    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        return problem.sample(BATCH, rng)
