"""Whether a short training is the beginning of a longer one."""

from __future__ import annotations

from nas.train.optimiser import learning_rate
from nas.train.recipe import Recipe

RATES_PER_EPOCH = 16
"""Learning rates that are compared in each epoch."""


def same_schedule_prefix(recipe: Recipe, epochs: int, others: int, steps_per_epoch: float) -> bool:
    """Whether trainings of `epochs` and `others` epochs are equal while both last.

    >>> from nas.train.recipe import Recipe, Schedule
    >>> [
    ...     same_schedule_prefix(Recipe("", "", schedule=Schedule(name)), 4, 8, 100)
    ...     for name in ("constant", "cosine")
    ... ]
    [True, False]
    """
    if epochs == others:
        return True
    shared = min(epochs, others)
    times = [look / RATES_PER_EPOCH for look in range(1, RATES_PER_EPOCH * shared + 1)]
    rates, others_rates = (
        [learning_rate(recipe.schedule, time, whole, steps_per_epoch) for time in times]
        for whole in (epochs, others)
    )
    stages, others_stages = (
        [recipe.stage(epoch, whole) for epoch in range(shared)] for whole in (epochs, others)
    )
    return rates == others_rates and stages == others_stages
