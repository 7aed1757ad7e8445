"""The best network of a scenario: by enumeration where the space is small, else by a long search.

Judging is a lookup, so the search is one that no study could pay: a genetic algorithm that judges
two hundred thousand networks. Where nothing is proven, the best of the runs counts if it is better.
"""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from nas.evaluate.bench.scenario import LoadedScenario
from nas.optimize.strategies.problem import Problem
from nas.space.columns import Ints

ENUMERATED = 50_000
"""Codes of the largest space of which all are looked at."""
GENERATIONS, CHILDREN, PARENTS = 60, 2000, 200


def optimum(loaded: LoadedScenario, seed: int = 0) -> tuple[float, bool]:
    """The highest accuracy in points that was found, and whether it is proven to be."""
    problem, judge = loaded.problem, loaded.benchmark.evaluate
    if prod(problem.layered.n_options.tolist()) <= ENUMERATED:
        return float(judge(_every(problem)).max()), True
    if loaded.benchmark.best is not None and np.isinf(loaded.budget_ms):
        return loaded.benchmark.best, True
    rng = np.random.default_rng(seed)
    codes = problem.sample(CHILDREN, rng)
    for _ in range(GENERATIONS):
        codes = codes[np.argsort(-judge(codes), kind="stable")[:PARENTS]]
        codes = problem.kept(np.concatenate([codes, _children(problem, codes, rng)]))
    return float(judge(codes).max()), False


def _every(problem: Problem) -> Ints:
    """All codes within the limits."""
    rng = np.random.default_rng(0)
    codes = np.array([*product(*map(range, problem.layered.n_options))])
    return problem.kept(problem.layered.repair(codes, rng))


def _children(problem: Problem, parents: Ints, rng: np.random.Generator) -> Ints:
    """Half of them from two parents, some with mutations."""
    layered = problem.layered
    a, b = (parents[rng.integers(len(parents), size=CHILDREN)] for _ in range(2))
    crossed = layered.crossover(a, b, rng)
    changed = np.concatenate([crossed[: CHILDREN // 2], a[: CHILDREN // 2]])
    mutated = layered.mutate(changed, rng, float(rng.integers(1, 4)))
    return np.concatenate([crossed, mutated])
