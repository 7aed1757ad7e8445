"""The optimiser of a recipe, and its learning rate over the epochs."""

from __future__ import annotations

from math import cos, pi

import torch
from torch import nn

from nas.train.recipe import Optimiser, Recipe, Schedule

WARM_UP_SHARE = 0.2
"""Largest share of a warm-up, since recipes are also used for far fewer epochs."""
RATES_PER_EPOCH = 16
"""Learning rates of two schedules that are compared in each epoch."""


def make_optimiser(module: nn.Module, recipe: Optimiser) -> torch.optim.Optimizer:
    """The optimiser of a module's parameters; vectors (norms, biases) are not decayed."""
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.name == "sgd":
        return torch.optim.SGD(
            groups, momentum=recipe.momentum, nesterov=recipe.momentum > 0, foreach=True
        )
    if recipe.name == "rmsprop":
        return torch.optim.RMSprop(
            groups, momentum=recipe.momentum, alpha=recipe.beta2, eps=recipe.eps, foreach=True
        )
    return torch.optim.AdamW(groups, betas=(0.9, recipe.beta2), eps=recipe.eps, fused=True)


def learning_rate(schedule: Schedule, epoch: float, epochs: int, steps_per_epoch: float) -> float:
    """Learning rate after `epoch` of `epochs` epochs; `epoch` may be fractional.

    >>> learning_rate(Schedule(lr=1.0, warmup_epochs=1), 0.5, epochs=10, steps_per_epoch=100)
    0.5
    """
    warm = schedule.warmup_steps / steps_per_epoch or schedule.warmup_epochs
    warm = min(warm, WARM_UP_SHARE * epochs)
    if epoch < warm:
        return schedule.first_lr + (schedule.lr - schedule.first_lr) * epoch / warm
    if schedule.name == "step":
        return float(schedule.lr * schedule.factor ** (epoch // schedule.every_epochs))
    if schedule.name == "constant":
        return schedule.lr
    done = min(1.0, (epoch - warm) / (epochs - warm))
    return schedule.last_lr + (schedule.lr - schedule.last_lr) * (1 + cos(pi * done)) / 2


def same_schedule_prefix(recipe: Recipe, epochs: int, others: int, steps_per_epoch: float) -> bool:
    """Whether trainings of `epochs` and `others` epochs are equal while both last.

    >>> [
    ...     same_schedule_prefix(Recipe("", "", schedule=Schedule(name)), 4, 8, 100)
    ...     for name in ("constant", "cosine")
    ... ]
    [True, False]
    """
    shared = min(epochs, others)
    times = [look / RATES_PER_EPOCH for look in range(1, RATES_PER_EPOCH * shared + 1)]

    def course(whole: int) -> tuple[list[float], list[Recipe]]:
        rates = [learning_rate(recipe.schedule, time, whole, steps_per_epoch) for time in times]
        return rates, [recipe.stage(epoch, whole) for epoch in range(shared)]

    return course(epochs) == course(others)
