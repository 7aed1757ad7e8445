"""Distillation from a trained network of timm: hard, as in DeiT (arXiv:2012.12877, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.errors import RecipeError, first_line
from nas.system.extras import require
from nas.train.data import DataSet
from nas.train.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Distil:
    """Mixes targets with the classes that the teacher predicts."""

    module: Any
    share: float
    factor: Tensor
    summand: Tensor
    """`factor`, `summand` (3, 1, 1): from our normalisation to the teacher's."""

    @torch.no_grad()
    def __call__(self, x: Tensor, targets: Tensor) -> Tensor:
        """Mixed targets of a batch (b, 3, s, s) with targets (b, classes)."""
        seen = self.module(x * self.factor + self.summand).argmax(1)
        return targets.lerp(F.one_hot(seen, targets.shape[1]).to(targets.dtype), self.share)


def load_teacher(recipe: Recipe, data: DataSet, device: torch.device) -> Distil | None:
    """The recipe's teacher, if it has one.

    Raises:
        RecipeError: timm lacks it, or its weights cannot be loaded or are for other classes.
        MissingExtraError: timm is not installed.
    """
    wanted = recipe.teacher
    if not wanted.name:
        return None
    timm, name, classes = require("timm"), wanted.name.partition(":")[2], len(data.classes)
    try:
        module = timm.create_model(name, num_classes=classes)
        own = module.pretrained_cfg
        if wanted.weights:
            timm.models.load_checkpoint(module, wanted.weights, weights_only=True)
        elif own["num_classes"] != classes:  # timm would draw a new classifier
            raise ValueError(f"its weights have {own['num_classes']} classes, expected {classes}")
        else:
            module = timm.create_model(name, pretrained=True)
    except Exception as error:  # a name, a download, a file: timm and its hub raise nearly anything
        reason = first_line(error)
        raise RecipeError(f"recipe {recipe.name} (teacher): {wanted.name}: {reason}") from error
    mean, sd, mean_, sd_ = (
        torch.tensor(values, device=device).expand(3)[:, None, None]
        for values in (data.mean, data.sd, own["mean"], own["std"])
    )
    module = module.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)
    return Distil(module, wanted.share, sd / sd_, (mean - mean_) / sd_)
