"""Search with training (`nas search --data`): search, train candidates, train the best longer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.files.resources import DEVICE, SPACE, SURROGATE
from nas.optimize import Candidate, SearchResult
from nas.optimize import search as run_search
from nas.optimize.run import each_device
from nas.optimize.strategies import DEFAULT
from nas.space.space import Code
from nas.study.halving import SuccessiveHalving
from nas.study.plan import Plan
from nas.study.results import StudyResult, study_result
from nas.study.spec import StudySpec, check_names
from nas.study.workers import run_with
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from nas.train.run import Task

POOL = 4
"""Candidates for each trained one, if zero-cost proxies choose among them."""
KNOWN_SHARE, SHORTLIST_SHARE = 1 / 4, 1 / 4
"""Largest shares of the trials for known networks and for the surrogate's best; the strategy
proposes the others."""


@dataclass(frozen=True)
class StudyRequest:
    """What to search for and how, before anything is loaded."""

    search: Mapping[str, Any]
    """Arguments of `nas.optimize.search`."""
    trials: int
    zero_cost: Sequence[str] = ()
    """Zero-cost proxies that choose the networks to begin with."""
    strategy: str = DEFAULT
    """A name of `nas.optimize.strategies`."""
    objectives: Sequence[str] = ()
    """Objectives beside the accuracy: names of `OBJECTIVES`."""

    def check(self) -> None:
        """Check all names.

        Raises:
            UnknownNameError: a name is unknown; the message has the nearest ones.
        """
        from nas.evaluate.proxies import check

        check(self.zero_cost)
        check_names(self.strategy, self.objectives)

    def run_search(self) -> SearchResult:
        """Search without training, for enough networks to begin the trials with.

        Raises:
            BudgetError, InfeasibleError: as `nas.optimize.search`.
        """
        return run_search(**self.search, shortlist=self.trials * (POOL if self.zero_cost else 1))

    def spec(self, result: SearchResult, task: Task) -> StudySpec:
        """The specification of the study after a search."""
        return StudySpec(
            self.search.get("space", SPACE),
            each_device(self.search.get("device", DEVICE)),
            self.search.get("surrogate", SURROGATE),
            result.limits,
            initial_codes(result, self.trials, zero_cost=self.zero_cost, task=task),
            self.strategy,
            tuple(self.objectives),
        )


def initial_codes(
    result: SearchResult, trials: int, *, zero_cost: Sequence[str], task: Task
) -> tuple[Code, ...]:
    """Codes to begin with: known networks within all limits, then the surrogate's best.

    If proxies are named in `zero_cost`, they choose the latter by mean rank among `POOL` times as
    many.
    """
    within = sorted(result.known_within, key=lambda c: result.risk_aversion * c.top1_sd - c.top1)
    known = within[: math.ceil(trials * KNOWN_SHARE)]
    ids = {candidate.arch.arch_id for candidate in known}
    others = [c for c in result.shortlist if c.arch.arch_id not in ids]
    if zero_cost:
        others = _ranked(others, zero_cost, task)
    chosen = [*known, *others[: math.ceil(trials * SHORTLIST_SHARE)]]
    return tuple(result.space.encode(candidate.arch) for candidate in chosen)


def _ranked(pool: Sequence[Candidate], names: Sequence[str], task: Task) -> list[Candidate]:
    """Sort candidates by the mean rank of zero-cost proxies, best first."""
    from scipy.stats import rankdata

    from nas.evaluate.proxies import score

    archs = [task.fit(candidate.arch) for candidate in pool]
    batches = {side: task.batches(side) for side in {arch.input[1] for arch in archs}}
    ranks = [
        rankdata([score(arch, name, batches[arch.input[1]]) for arch in archs]) for name in names
    ]
    order = np.argsort(-np.mean(ranks, axis=0), kind="stable")
    return [pool[index] for index in order]


def study(
    task: Task,
    folder: Path,
    plan: Plan,
    *,
    trials: int,
    workers: int = 1,
    zero_cost: Sequence[str] = (),
    strategy: str = DEFAULT,
    objectives: Sequence[str] = (),
    storage: str | None = None,
    scope: str = "",
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
    **search: Any,
) -> tuple[SearchResult, StudyResult]:
    """Search, then train the candidates; resume the study if `folder` has one.

    Args:
        task: Data and recipe of the trainings.
        folder: The study's folder.
        plan: Epochs, finalists and seeds.
        trials: Candidates to train.
        workers: Processes.
        zero_cost: Zero-cost proxies that choose the networks to begin with.
        strategy: A name of `nas.optimize.strategies`.
        objectives: Objectives beside the accuracy: names of `OBJECTIVES`.
        storage: URL of an Optuna storage; None for an SQLite file in `folder`.
        scope: Prefix of the run's studies in a shared storage.
        on_progress: Called with the current step and the share of all epochs that are done.
        on_message: Called with a line about each event.
        search: Arguments of `nas.optimize.search`.

    Raises:
        BudgetError, InfeasibleError: as `nas.optimize.search`.
        UnknownNameError: an unknown strategy, objective or proxy.
        TrainingError: no network could be trained.
    """
    from nas.train.threads import with_threads

    request = StudyRequest(search, trials, zero_cost, strategy, objectives)
    request.check()
    on_progress("searching", 0.0)
    result = request.run_search()
    task = with_threads(task, result.best.arch, folder, workers)
    spec, seed = request.spec(result, task), search.get("seed", 0)
    halving = SuccessiveHalving(
        task, folder, plan, spec, trials, seed, storage, scope, on_progress, on_message
    )
    run_with(halving, workers)
    return result, study_result(halving)
