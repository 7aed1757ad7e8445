"""Statistics of batch norms, estimated for the weights as they are.

Running averages lag behind the weights: after a few steps they still describe the fresh network.
So a network is evaluated and saved with the mean and variance of a few training images ("precise"
batch norm, arXiv:2105.07576, section 3).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nas.train.data.base import Plan

IMAGES = 1024
"""Most images that statistics are estimated from."""
SEED = 0
"""Seed of the choice of images: the same for all networks and epochs."""
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def estimation_plan(images: int, batch: int, side: int) -> Plan:
    """Some of the training images in equal batches of at least `batch`, always the same."""
    generator = torch.Generator().manual_seed(SEED)
    index = torch.randperm(images, generator=generator)[:IMAGES]
    # a batch norm cannot see one image alone
    return [(part, side) for part in index.tensor_split(max(1, len(index) // max(2, batch)))]


@torch.no_grad()
def estimate_statistics(module: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the statistics of all batch norms to their mean over the batches.

    As `torch.optim.swa_utils.update_bn`, but dropout and stochastic depth stay off.
    """
    norms = [norm for norm in module.modules() if isinstance(norm, NORMS)]
    if not norms:
        return
    module.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
        norm.train()
    for images in batches:
        module(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    module.eval()
