"""What a search with training looks for, and the networks that it begins with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.files.resources import DEVICE, SPACE, SURROGATE
from nas.optimize import Candidate, SearchResult
from nas.optimize import search as run_search
from nas.optimize.run import each_device
from nas.space.space import Code
from nas.study.settings import StudySettings
from nas.study.spec import StudySpec

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
    settings: StudySettings

    def run_search(self) -> SearchResult:
        """Search without training, for enough networks to begin the trials with.

        Raises:
            BudgetError, InfeasibleError: as `nas.optimize.search`.
        """
        each = POOL if self.settings.zero_cost else 1
        return run_search(**self.search, shortlist=self.settings.trials * each)

    def spec(self, result: SearchResult, task: Task) -> StudySpec:
        """The specification of the study after a search."""
        own, avoid = self.settings, self.search.get("avoid")
        return StudySpec(
            self.search.get("space", SPACE),
            each_device(self.search.get("device", DEVICE)),
            self.search.get("surrogate", SURROGATE),
            result.limits,
            initial_codes(result, own.trials, zero_cost=own.zero_cost, task=task),
            own.strategy,
            tuple(own.objectives),
            None if avoid is None else tuple(avoid),
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
