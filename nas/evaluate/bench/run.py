"""Runs strategies on benchmarks, where an evaluation is a lookup: hundreds of runs in minutes.

The seed determines a run. Every run counts two things that must never happen: a network evaluated
twice, whatever its codes, and a network over the budget.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass

import numpy as np

from nas.evaluate.bench.scenario import LoadedScenario, Scenario, load_scenario
from nas.optimize.strategies import STRATEGIES
from nas.optimize.strategies.seen import Seen
from nas.space.columns import Floats
from nas.system.processes import block_sigint, exit_with_parent, process_pool

Job = tuple[Scenario, str, int, int]
"""A scenario, the name of a strategy, the number of evaluations, and a seed."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """The evaluations of one strategy."""

    strategy: str
    seed: int
    accuracies: Floats
    """(evaluations,) accuracies in points, in order; NaN once the space has no more networks."""
    ask_ms: Floats
    """(n,) milliseconds of each proposal."""
    seconds: float
    """Duration of the run."""
    duplicates: int
    """Evaluations of networks that had been evaluated before."""
    over: int
    """Evaluations of networks over the budget."""

    @property
    def best(self) -> Floats:
        """(evaluations,) The highest accuracy so far."""
        return np.fmax.accumulate(self.accuracies)


def run(loaded: LoadedScenario, strategy: str, evaluations: int, seed: int) -> Run:
    """Evaluate this many networks, or all of the space."""
    problem, space = loaded.problem, loaded.benchmark.space
    began, asked = time.perf_counter(), STRATEGIES[strategy](problem)
    seen, ask_ms = Seen.none(problem), []
    for number in range(evaluations):
        start = time.perf_counter()
        code = next(asked.ask(seen, np.random.default_rng([seed, number])), None)
        if code is None:
            break
        ask_ms.append((time.perf_counter() - start) * 1000)
        seen.add(code, float(loaded.benchmark.evaluate(code[None])[0]))
    seconds = time.perf_counter() - began
    networks = {space.decode(code).arch_id for code in seen.codes}
    missing = np.full(evaluations - len(seen.scores), np.nan)
    return Run(
        strategy,
        seed,
        np.concatenate([seen.scores, missing]),
        np.array(ask_ms),
        seconds,
        duplicates=len(seen.codes) - len(networks),
        over=int((~problem.within(seen.codes)).sum()),
    )


def run_all(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Scenario, Run]]:
    """Yield runs as they end.

    Results do not depend on the number of workers. A single worker is this process.
    """
    if workers == 1:
        yield from (_run(*job) for job in jobs)
        return
    with process_pool(workers, exit_with_parent, os.getpid()) as processes:
        with block_sigint():
            futures = [processes.submit(_run, *job) for job in jobs]
        for future in as_completed(futures):
            yield future.result()


def _run(scenario: Scenario, strategy: str, evaluations: int, seed: int) -> tuple[Scenario, Run]:
    return scenario, run(load_scenario(scenario), strategy, evaluations, seed)
