"""Exact search on an additive model: the best network under the budget, not a sampled one.

Accuracy is taken to be a sum over the choices of a network (Bayesian ridge), as in once-for-all's
and the knapsack formulations of NAS. Weights are drawn from their posterior (Thompson 1933), and of
all networks under the latency budget the one of the highest sum is a longest path, solved exactly
(`nas.optimize.exact`). If that network is known already, weights are drawn again.
"""

from __future__ import annotations

import numpy as np

from nas.gp import inverse_factor
from nas.optimize.exact import solve, undominated
from nas.optimize.strategies.base import Strategy
from nas.optimize.strategies.problem import Problem
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Floats, Ints

STARTS = 10
"""Random networks before the model is used."""
MOST = 1000
"""Most evaluations that the model is fitted to: the best and the latest."""
DRAWS = 8
NOISE = 0.1
"""Noise variance of scores with variance 1."""


class Exact(Strategy):
    """The path of the highest drawn sum."""

    def propose(self, problem: Problem, seen: Seen, rng: np.random.Generator) -> Ints:
        known = seen.whole.finite.recent(MOST)
        if len(known.scores) < STARTS:
            return problem.sample(STARTS, rng)
        mean, root = _posterior(problem.choices.one_hot(known.codes), known.scores)
        found = []
        for _ in range(DRAWS):
            weights = mean + root @ rng.standard_normal(len(mean))
            found.append(problem.kept(self._best(problem, weights)))
            if len(seen.new(found[-1])):
                break
        return np.concatenate(found)

    def _best(self, problem: Problem, weights: Floats) -> Ints:
        """(1, P) best path within the budget, or (0, P) if none was found."""
        layered = problem.layered
        edges = undominated(layered, problem.edge_ms, problem.edge_sums(weights))
        solution = solve(layered, edges, problem.edge_budget_ms)
        none = np.empty((0, len(layered.layers)), np.int64)
        return none if solution is None else solution.code[None]


def _posterior(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Posterior mean (D,) of the weights, and a root (D, D) of their covariance, in units of y.

    Ridge regression of standardised y with a normal prior that gives a network variance 1.
    """
    sd = max(float(y.std()), 1e-9)
    prior = 1 / x[0].sum()
    precision = x.T @ x / NOISE + np.eye(x.shape[1]) / prior
    root = inverse_factor(precision).T
    mean = root @ (root.T @ (x.T @ ((y - y.mean()) / sd))) / NOISE
    return mean * sd, root * sd
