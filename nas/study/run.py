"""`nas search --data`: price, estimate, perhaps score without training, train, and train longer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.search import Candidate, SearchResult
from nas.search import search as run_search
from nas.study.cascade import Cascade, Studied
from nas.study.plan import Plan

if TYPE_CHECKING:
    from nas.train.run import Task

POOL = 4
"""Candidates for every one that is trained, where zero-cost proxies choose."""
KNOWN_SHARE = 1 / 3
"""Of the trained, that published networks within the budget are at most."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A search without training, and what is worth training."""

    result: SearchResult
    candidates: tuple[Candidate, ...]


def choose(trials: int, *, zero_cost: Sequence[str], task: Task, **search: Any) -> Chosen:
    """Search with the surrogate, and choose candidates that differ; known networks among them.

    `search` are the arguments of `nas.search`. Proxies named in `zero_cost` choose by mean rank
    among `POOL` times as many.
    """
    from nas.proxies import check

    check(zero_cost)
    result = run_search(**search, shortlist=trials * (POOL if zero_cost else 1))
    within = [c for c in result.seeds if c.ms <= result.held_ms]
    within.sort(key=lambda c: result.caution * c.top1_sd - c.top1)
    known = within[: int(trials * KNOWN_SHARE)]
    ids = {candidate.arch.arch_id for candidate in known}
    others = [c for c in result.shortlist if c.arch.arch_id not in ids]
    if zero_cost:
        others = _ranked(others, zero_cost, task)
    return Chosen(result, (*known, *others[: trials - len(known)]))


def _ranked(pool: Sequence[Candidate], names: Sequence[str], task: Task) -> list[Candidate]:
    """Best first by the mean rank of zero-cost proxies."""
    from scipy.stats import rankdata

    from nas.proxies import score

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
    zero_cost: Sequence[str] = (),
    heard: Callable[[str, float], None] = lambda step, share: None,
    said: Callable[[str], None] = lambda note: None,
    **search: Any,
) -> tuple[SearchResult, Studied]:
    """Search, then train; goes on where `folder` is. `search` are the arguments of `nas.search`.

    Raises:
        BudgetError, InfeasibleError: as the search.
        TrainingError: not one network could be trained.
    """
    heard("searching", 0.0)
    chosen = choose(trials, zero_cost=zero_cost, task=task, **search)
    cascade = Cascade(task, folder, plan, search.get("seed", 0), heard, said)
    return chosen.result, cascade.run(chosen.candidates)
