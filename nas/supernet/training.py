"""The training of a supernet: a space, one device (or one of several), an epoch at a time.

What an epoch draws at random follows from the seed and the epoch, and everything else is in the
checkpoint; so a resumed training computes what an uninterrupted one does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nas.errors import RecipeError, TrainingError
from nas.space.retarget import space_for_task
from nas.space.space import Code, Space
from nas.supernet.draw import Draws
from nas.supernet.judge import Judge
from nas.supernet.step import sandwich
from nas.supernet.store import WeightStore
from nas.supernet.subnet import subnet
from nas.supernet.update import SliceOptimiser
from nas.system.progress import ignore
from nas.train.augment import augmented
from nas.train.checkpoint import read_checkpoint, write_checkpoint
from nas.train.data.base import Crop
from nas.train.distributed import mean_of_all, rank, together, world
from nas.train.epoch_plan import epoch_plan
from nas.train.loop import REPORTED_S, OnEpochProgress, Setting
from nas.train.optimiser import learning_rate
from nas.train.recipe import Recipe
from nas.train.run import Task

RANDOM = 2
"""Random networks of a step, beside the largest and the smallest."""
CHANCE = 0.98
"""A loss of this share of a guess's, after a lower one, is a collapse."""


class Collapse(TrainingError):
    """The loss shows that the weights are lost."""


@dataclass(frozen=True, slots=True)
class SupernetEpoch:
    """Figures of one epoch."""

    epoch: int
    """From 1."""
    lr: float
    """Of the last step."""
    rate: float
    """Factor of all learning rates: each collapse has halved it."""
    loss: float
    """Mean of the largest networks of the steps, with the recipe's targets."""
    smallest_top1: float
    """On the validation split, in percent."""
    largest_top1: float
    """On the validation split, in percent; of the largest network of all."""
    images_s: float
    """Training images per second; each is seen by all networks of a step."""
    seconds: float


def fitted_space(space: Space, task: Task) -> Space:
    """The space with the data's classes, at the recipe's image sides.

    Raises:
        ArchError, SpaceError: the space does not suit the images.
    """
    sides = [shape[1] for shape in space.table.inputs]
    found = {side: task.recipe.for_images(side, task.data.side) for side in sides}
    return space_for_task(space, classes=len(task.data.classes), side=found.__getitem__)


def check_recipe(recipe: Recipe, setting: Setting) -> None:
    """Refuse what a supernet does not train with.

    Raises:
        RecipeError: several image sides, stages, a teacher, fp16, or torch.compile.
    """
    for found, what in (
        (recipe.sides, "sides: a supernet takes image sides from its space"),
        (recipe.stages, "stages"),
        (recipe.teacher.name, "teacher: the largest network is the teacher"),
    ):
        if found:
            raise RecipeError(f"recipe {recipe.name}: a supernet is trained without {what}")
    if setting.compile:
        raise RecipeError("a supernet is trained without --compile: each step has other networks")
    if setting.precision == "fp16":
        raise RecipeError("a supernet is trained with --precision fp32 or bf16, not fp16")


@dataclass(eq=False)
class SupernetTraining:
    """A supernet in training; `run_epoch` until `done`."""

    draws: Draws
    """Of the fitted space."""
    task: Task
    epochs: int
    seed: int = 0
    divergence: str = "kl"
    history: list[SupernetEpoch] = field(default_factory=list)
    rate: float = 1.0
    on_epoch_progress: OnEpochProgress = ignore

    def __post_init__(self) -> None:
        recipe = self.task.recipe
        check_recipe(recipe, self.task.setting)
        self.store = WeightStore(self.draws.space, self.seed, self.task.setting.device)
        self.optimiser = SliceOptimiser(self.store, recipe.optimiser, recipe.regularise.ema)

    @property
    def done(self) -> bool:
        """Whether all epochs are finished."""
        return len(self.history) >= self.epochs

    def judge(self) -> Judge:
        """Evaluates with the weights as they are, averaged if the recipe says so."""
        return Judge(self.task, self.optimiser.averaged())

    def codes(self, number: int, step: int) -> list[Code]:
        """The networks of a step of epoch `number`: the largest, random ones, the smallest."""
        rng = np.random.default_rng([self.seed, number, step])
        largest = self.draws.largest_of(rng)
        return [largest, *(self.draws.random(rng) for _ in range(RANDOM)), self.draws.smallest]

    def run_epoch(self) -> SupernetEpoch:
        """Train one epoch, and evaluate the smallest and the largest network.

        Raises:
            Collapse: the loss became NaN or infinite, or fell back to that of a guess.
        """
        number, start = len(self.history), perf_counter()
        torch.manual_seed(self.seed * 1_000_003 + number + 1)  # all processes draw one plan
        train, recipe = self.task.splits[0], self.task.recipe
        side = max(shape[1] for shape in self.draws.space.table.inputs)
        plan = epoch_plan(torch.randperm(len(train.labels)), recipe, side)
        own_seed = torch.randint(2**62, (world(),))[rank()]
        torch.manual_seed(int(own_seed))  # and each its own augmentation and dropout
        batches = train.batches(plan, Crop(recipe.augment.crop, recipe.augment.least_area))
        total, lr, reported = 0.0, 0.0, start
        for step in range(1, len(plan) + 1):
            epoch = number + step / len(plan)
            lr = self.rate * learning_rate(recipe.schedule, epoch, self.epochs, len(plan))
            total += self._step(self.codes(number, step), batches, lr)
            if step == len(plan) or perf_counter() - reported >= REPORTED_S:
                reported = perf_counter()
                speed = step * recipe.batch / (reported - start)
                self.on_epoch_progress(number + 1, step / len(plan), speed)
        speed = len(plan) * recipe.batch / (perf_counter() - start)
        self._check(total / len(plan))
        with together():
            top1s = self._evaluate([self.draws.smallest, self.draws.largest])
        seconds = perf_counter() - start
        figures = (lr, self.rate, total / len(plan), *top1s, speed, seconds)
        self.history.append(SupernetEpoch(number + 1, *figures))
        return self.history[-1]

    def _step(
        self, codes: Sequence[Code], batches: Iterator[tuple[Tensor, Tensor]], lr: float
    ) -> float:
        """One step on the next batch; the loss of the largest network, over all processes."""
        recipe = self.task.recipe
        with together():
            images, targets = augmented(*next(batches), recipe, self.task.data)
            subnets = [
                subnet(self.store, code, None if place else recipe.regularise)
                for place, code in enumerate(codes)
            ]
            own = sandwich(subnets, images, targets, self.task.setting, self.divergence)
        loss = float(mean_of_all(own))
        if not math.isfinite(loss):
            raise Collapse(f"{self.draws.space.name} diverged: the loss is {loss}")
        self.optimiser.update((pair for each in subnets for pair in each.gradients()), lr)
        return loss

    def _check(self, loss: float) -> None:
        """Refuse a loss that is back at a guess's.

        Raises:
            Collapse: it is, after an epoch of a lower loss.
        """
        guess = CHANCE * math.log(len(self.task.data.classes))
        if loss >= guess and any(epoch.loss < guess for epoch in self.history):
            raise Collapse(
                f"{self.draws.space.name} collapsed: its loss is {loss:.3g}, that of a guess"
            )

    def _evaluate(self, codes: Sequence[Code]) -> list[float]:
        judge = self.judge()
        return [judge.judge(self.draws.space.decode(code)) for code in codes]

    def save(self, path: Path) -> None:
        """Write everything that resuming needs, atomically."""
        write_checkpoint(path, self._parts(), self.history, [self.epochs] * len(self.history))

    def load(self, path: Path) -> None:
        """Resume from a checkpoint of the same training.

        Raises:
            WeightsError: it is damaged, or of another training.
        """
        self.history, _ = read_checkpoint(path, self._parts(), SupernetEpoch)
        self.rate = self.history[-1].rate

    def _parts(self) -> dict[str, Any]:
        """The parts with a state, by name."""
        return {"store": self.store, "optimiser": self.optimiser}
