"""Whether a training is the beginning of a longer one."""

from __future__ import annotations

from nas.train.optimiser import learning_rate
from nas.train.recipe import Recipe

LOOKS = 16
"""Learning rates of an epoch that are compared."""


def same_course(recipe: Recipe, epochs: int, others: int, steps_per_epoch: float) -> bool:
    """Whether trainings of `epochs` and of `others` epochs do the same as long as both last.

    >>> from nas.train.recipe import Recipe, Schedule
    >>> [
    ...     same_course(Recipe("", "", schedule=Schedule(name)), 4, 8, 100)
    ...     for name in ("constant", "cosine")
    ... ]
    [True, False]
    """
    if epochs == others:
        return True
    shared = min(epochs, others)
    times = [look / LOOKS for look in range(1, LOOKS * shared + 1)]
    rates, others_rates = (
        [learning_rate(recipe.schedule, time, whole, steps_per_epoch) for time in times]
        for whole in (epochs, others)
    )
    stages, others_stages = (
        [recipe.stage(epoch, whole) for epoch in range(shared)] for whole in (epochs, others)
    )
    return rates == others_rates and stages == others_stages
