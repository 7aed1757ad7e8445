"""Evaluation of networks with the shared weights, and extraction of their modules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import fx

from nas.space.arch import Arch
from nas.supernet.store import WeightStore
from nas.train.loop import Training
from nas.train.recipe import Regularise
from nas.train.run import Task


@dataclass(frozen=True, eq=False)
class Judge:
    """Evaluates networks of a store's space on the validation split.

    Statistics of batch norms are those of fixed training images, estimated for each network
    (`nas.train.statistics`).
    """

    task: Task
    store: WeightStore
    figures: dict[str, float] = field(default_factory=dict)
    """Top-1 by `arch_id` of the fitted network."""

    def judge(self, arch: Arch) -> float:
        """Top-1 in percent on the validation split.

        Raises:
            ArchError, SpaceError: the network does not suit the images, or is not inside.
        """
        fitted = self.task.fit(arch)
        if fitted.arch_id not in self.figures:
            training = self._training(fitted)
            self.figures[fitted.arch_id] = training.evaluate(training.validation)[1]
        return self.figures[fitted.arch_id]

    def extract(self, arch: Arch) -> fx.GraphModule:
        """The module of a network with its part of the weights and estimated statistics.

        Raises:
            ArchError, SpaceError: as `judge`.
        """
        module = self._training(self.task.fit(arch)).eval_model.eval()
        assert isinstance(module, fx.GraphModule)
        return module

    def _training(self, fitted: Arch) -> Training:
        """A training that would go on from the shared weights."""
        plain = replace(self.task.recipe, regularise=Regularise())
        with torch.random.fork_rng(devices=[]):
            training = replace(self.task, recipe=plain).training(fitted, epochs=1, seed=0)
        self.start(training)
        return training

    def start(self, training: Training) -> None:
        """Give a fresh training of a fitted network its part of the weights.

        Raises:
            SpaceError: the network is not inside.
        """
        weights = self.store.weights(self.store.slices(training.arch))
        training.start_from(training.module.state_dict() | weights)
