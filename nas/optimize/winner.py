"""What a search found, with estimates corrected for its selection (`nas.accuracy.selection`).

A search maximises its bound as if there were no selection; only what it reports changes. Known
networks, whose accuracy is published, keep their estimates.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np

from nas import library
from nas.accuracy.selection import Selection
from nas.accuracy.surrogate import Surrogate
from nas.optimize.limits import Limits
from nas.optimize.pricing import Pricing
from nas.optimize.result import BestPublished, Candidate

SAMPLE = 500
"""Random networks within the limits that show what the limits allow."""
DRAWN, ROUNDS = 4000, 5
"""Random networks drawn at a time, and how often, until as many are within the limits."""


def selection_of(pricing: Pricing, limits: Limits, candidates: int) -> Selection:
    """What one of so many candidates was selected from; it depends on no seed of the search."""
    rng = np.random.default_rng(0)
    found = pricing.layered.sample(0, rng)
    for _ in range(ROUNDS):
        codes = pricing.layered.sample(DRAWN, rng)
        within = codes[limits.within(pricing, codes, pricing.price(codes))]
        found = np.concatenate([found, within])[:SAMPLE]
        if len(found) == SAMPLE:
            break
    if len(found) < SAMPLE // 10:  # limits that random networks hardly meet
        found = codes[:SAMPLE]
    return Selection.of(pricing.surrogate, pricing.estimate(found)[0], candidates)


def corrected(found: Candidate, selection: Selection, surrogate: Surrogate) -> Candidate:
    """A network that the search selected, with its corrected estimate; a known one as it is."""
    if library.published(found.arch):
        return found
    record = library.best_of_size(found.arch)
    own = selection.corrected(found.supervised, record.top1 if record else inf)
    changed = replace(found, top1=own.top1, top1_sd=own.sd, corrected=own)
    return replace(
        changed,
        distilled=surrogate.distilled(changed.supervised),
        best_published=BestPublished(record.network, record.top1) if record else None,
    )
