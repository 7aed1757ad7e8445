"""`nas search --data`: price, estimate, perhaps score without training, train, and train longer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.optimize import Candidate, SearchResult
from nas.optimize import search as run_search
from nas.optimize.run import DEVICE, SPACE, SURROGATE, each_device
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
"""Candidates for every one that is trained, where zero-cost proxies choose."""
KNOWN_SHARE, SHORTLIST_SHARE = 1 / 4, 1 / 4
"""Of the trained, that published networks within the budget are at most, and the surrogate's best;
the strategy looks for the others."""


def initial_codes(
    result: SearchResult, trials: int, *, zero_cost: Sequence[str], task: Task
) -> tuple[Code, ...]:
    """Codes to begin with: known networks within every limit, then the surrogate's best.

    Proxies named in `zero_cost` choose the latter by mean rank among `POOL` times as many.
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
    """Best first by the mean rank of zero-cost proxies."""
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
    """Search, then train; goes on where `folder` is. `search` are the arguments of `nas.optimize`.

    `strategy` is a name of `nas.optimize.strategies`, `objectives` of `nas.study.spec`;
    `storage` is the URL of an Optuna storage, an SQLite file in `folder` if there is none; `scope`
    begins the names of the run's studies there.

    Raises:
        BudgetError, InfeasibleError: as the search.
        UnknownNameError: a strategy, objective or proxy, with the nearest names.
        TrainingError: not one network could be trained.
    """
    from nas.evaluate.proxies import check
    from nas.train.threads import with_threads

    check(zero_cost)
    check_names(strategy, objectives)
    on_progress("searching", 0.0)
    result = search_candidates(search, trials, zero_cost)
    task = with_threads(task, result.best.arch, folder, workers)
    spec = make_spec(search, result, trials, zero_cost, task, strategy, objectives)
    seed = search.get("seed", 0)
    halving = SuccessiveHalving(
        task, folder, plan, spec, trials, seed, storage, scope, on_progress, on_message
    )
    run_with(halving, workers)
    return result, study_result(halving)


def search_candidates(
    search: Mapping[str, Any], trials: int, zero_cost: Sequence[str]
) -> SearchResult:
    """The search, with enough of the best for so many trials to begin with.

    Raises:
        BudgetError, InfeasibleError: as `nas.optimize`.
    """
    return run_search(**search, shortlist=trials * (POOL if zero_cost else 1))


def make_spec(
    search: Mapping[str, Any],
    result: SearchResult,
    trials: int,
    zero_cost: Sequence[str],
    task: Task,
    strategy: str,
    objectives: Sequence[str],
) -> StudySpec:
    """What a study looks for after a search."""
    return StudySpec(
        search.get("space", SPACE),
        each_device(search.get("device", DEVICE)),
        search.get("surrogate", SURROGATE),
        result.limits,
        initial_codes(result, trials, zero_cost=zero_cost, task=task),
        strategy,
        tuple(objectives),
    )
