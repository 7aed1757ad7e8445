"""Finds the best network of a scenario: by enumeration of a small space, else by a long search.

An evaluation is a lookup, so the search can afford two hundred thousand of them, with a genetic
algorithm. If its result is not proven and a run finds a better network, that one counts.
"""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from nas.evaluate.bench.scenario import LoadedScenario
from nas.optimize.strategies.problem import Problem
from nas.space.columns import Ints
from nas.system.progress import OnShare, ignore

ENUMERATED = 50_000
"""Codes of the largest space that is enumerated."""
GENERATIONS, CHILDREN, PARENTS = 60, 2000, 200


def optimum(
    loaded: LoadedScenario, seed: int = 0, on_share: OnShare = ignore
) -> tuple[float, bool]:
    """Return the highest accuracy found, in points, and whether it is proven."""
    problem, evaluate = loaded.problem, loaded.benchmark.evaluate
    if prod(problem.layered.n_options.tolist()) <= ENUMERATED:
        return float(evaluate(_every(problem)).max()), True
    if loaded.benchmark.best is not None and np.isinf(loaded.budget_ms):
        return loaded.benchmark.best, True
    rng = np.random.default_rng(seed)
    codes = problem.sample(CHILDREN, rng)
    for generation in range(GENERATIONS):
        on_share(generation / GENERATIONS)
        codes = codes[np.argsort(-evaluate(codes), kind="stable")[:PARENTS]]
        codes = problem.kept(np.concatenate([codes, _children(problem, codes, rng)]))
    return float(evaluate(codes).max()), False


def _every(problem: Problem) -> Ints:
    """Return all codes within the limits."""
    rng = np.random.default_rng(0)
    codes = np.array([*product(*map(range, problem.layered.n_options))])
    return problem.kept(problem.layered.repair(codes, rng))


def _children(problem: Problem, parents: Ints, rng: np.random.Generator) -> Ints:
    """Return children: half by crossover, half by crossover or copy with mutations."""
    layered = problem.layered
    a, b = (parents[rng.integers(len(parents), size=CHILDREN)] for _ in range(2))
    crossed = layered.crossover(a, b, rng)
    changed = np.concatenate([crossed[: CHILDREN // 2], a[: CHILDREN // 2]])
    mutated = layered.mutate(changed, rng, float(rng.integers(1, 4)))
    return np.concatenate([crossed, mutated])
