"""Batches of one epoch: which images a process trains on, and at which image side."""

from __future__ import annotations

import torch
from torch import Tensor

from nas.train.data.base import Plan
from nas.train.distributed import rank, world
from nas.train.recipe import Recipe


def epoch_plan(order: Tensor, recipe: Recipe, own_side: int) -> Plan:
    """This process's batches of the images in `order`; an incomplete last batch is dropped.

    Every process draws the same sides, so all of them have equally many batches of equal size.
    """
    batch, sides = max(1, recipe.batch // world()), recipe.sides or (own_side,)
    order = order[: len(order) - len(order) % world()][rank() :: world()]
    plan: list[tuple[Tensor, int]] = []
    start = 0
    while start < len(order):
        side = sides[int(torch.randint(len(sides), ()))] if len(sides) > 1 else sides[0]
        # as many pixels as the batch has at the network's own side, for several sides
        size = max(1, round(batch * (own_side / side) ** 2)) if len(sides) > 1 else batch
        index = order[start : start + size]
        if len(index) == size or not plan:
            plan.append((index, side))
        start += size
    return plan
