"""The short training and evaluation of a proposal (NetAdapt, section 3.2).

All proposals of a step see the same images in the same order at the same constant learning rate.
Weight averages and dropout are off: over so few batches an average would stay close to the weights
before the training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from nas.adapt.plan import AdaptPlan
from nas.modules import build
from nas.space.arch import Arch
from nas.train.data.base import Split
from nas.train.loop import Training
from nas.train.recipe import Recipe
from nas.train.run import Task

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Tuner:
    """Trains and evaluates networks of one task from given weights."""

    task: Task
    plan: AdaptPlan
    seed: int

    def tuned(self, arch: Arch, state: State, step: int) -> tuple[dict[str, Tensor], float]:
        """Train a network briefly; return its weights and top-1 in percent.

        Raises:
            TrainingError: the training diverged.
        """
        training = self._training(arch, state, step)
        training.run_epoch(evaluate=False)
        return self._state(training), training.evaluate(self._validation)[1]

    def evaluate(self, arch: Arch, state: State) -> float:
        """Top-1 in percent with these weights and new batch-norm statistics."""
        return self._training(arch, state, 0).evaluate(self._validation)[1]

    def with_statistics(self, arch: Arch, state: State) -> dict[str, Tensor]:
        """These weights with batch-norm statistics of the task's images."""
        return self._state(self._training(arch, state, 0))

    def fresh(self, arch: Arch) -> dict[str, Tensor]:
        """Initial weights."""
        torch.manual_seed(self.seed)
        return dict(build(arch).state_dict())

    def _training(self, arch: Arch, state: State, step: int) -> Training:
        train, _ = self.task.splits
        n, wanted = len(train.labels), self.plan.tune_batches * self._recipe.batch
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        rounds = [torch.randperm(n, generator=generator) for _ in range(-(-wanted // n))]
        training = Training(
            arch,
            self.task.data,
            train,
            self._validation,
            self._recipe,
            1,
            self.seed * 1_000_003 + step,
            self.task.setting,
            torch.cat(rounds)[:wanted],
        )
        training.start_from(state)
        return training

    @cached_property
    def _recipe(self) -> Recipe:
        recipe = self.task.recipe
        schedule = replace(
            recipe.schedule,
            name="constant",
            lr=recipe.schedule.lr * self.plan.tune_lr,
            warmup_steps=0,
            warmup_epochs=0.0,
        )
        regularise = replace(recipe.regularise, ema=0.0, dropout=0.0, stochastic_depth=0.0)
        return replace(recipe, schedule=schedule, regularise=regularise, stages=(), sides=())

    @cached_property
    def _validation(self) -> Split:
        validation = self.task.splits[1]
        n = len(validation.labels)
        order = torch.randperm(n, generator=torch.Generator().manual_seed(self.seed))
        return validation.take(order[: min(n, self.plan.judging_images)])

    @staticmethod
    def _state(training: Training) -> dict[str, Tensor]:
        return {
            name: tensor.detach().cpu() for name, tensor in training.eval_model.state_dict().items()
        }
