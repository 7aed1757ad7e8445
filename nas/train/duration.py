"""How long trainings will take, from one timed step, before the first epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from nas.errors import NasError
from nas.space.arch import Arch
from nas.system.progress import OnMessage, time_of
from nas.train.distributed import world
from nas.train.loop import Training
from nas.train.run import Task
from nas.train.statistics import IMAGES

FORWARD = 1 / 3
"""Share of a step's time that a forward pass takes."""
LEAST_MACS = 2e11
"""Less work is not announced, and no step of it timed: it takes about a minute on one core."""
LEAST_S = 30.0
"""Nor is this announced, as on a GPU."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """Time of one training step, and what follows for an epoch with its evaluation."""

    step_s: float
    steps: int
    """Steps of an epoch."""
    epoch_s: float


def announce(
    task: Task, arch: Arch, epochs: int, on_message: OnMessage, *, workers: int = 1
) -> None:
    """Say how long so many epochs of networks like `arch` will take with some workers."""
    fitted, images = task.fit(arch), len(task.splits[0].labels)
    if 3 * epochs * images * fitted.macs < LEAST_MACS or world() > 1:
        return
    try:
        found = step_time(task, fitted)
    except (NasError, RuntimeError):  # RuntimeError: torch's, of memory
        return  # the training itself will say so
    if (seconds := epochs * found.epoch_s / workers) >= LEAST_S:
        on_message(
            f"about {time_of(seconds)} of training: {epochs:,} epochs of {found.steps} steps, one"
            f" step of {task.recipe.batch} images takes {found.step_s:.2g} s ({arch.name})"
        )


def step_time(task: Task, arch: Arch) -> StepTime:
    """Time a step of a fresh training of a fitted network, after one that is not timed.

    Where a batch takes several passes, one pass is timed.
    """
    train, validation = task.splits
    batch, images = task.recipe.batch, len(train.labels)
    few = min(task.setting.images_per_pass(arch, batch), images)
    recipe = replace(task.recipe, batch=few, sides=(), stages=())
    order = torch.arange(few)
    with torch.random.fork_rng(devices=()):
        setting = replace(task.setting, compile=False)
        training = Training(arch, task.data, train, validation, recipe, 2, 0, setting, order)
        image_s = _last_of(2, lambda: training.run_epoch(evaluate=False).seconds) / few
    steps = max(1, images // batch)
    looked_at = len(validation.labels) + min(IMAGES, images)
    epoch_s = image_s * (steps * batch + FORWARD * looked_at)
    return StepTime(image_s * batch, steps, epoch_s)


def _last_of(times: int, run: Callable[[], float]) -> float:
    return [run() for _ in range(times)][-1]
