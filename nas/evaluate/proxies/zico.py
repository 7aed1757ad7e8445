"""ZiCo (arXiv:2301.11300, equation 17): gradients that are large and agree between batches.

Sum over layers of the logarithm of the sum over weights of mean |gradient| over its standard
deviation. Departs: as in the authors' code, the deviation is of the signed gradient, and weights
whose gradient does not vary are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F  # noqa: N812 - torch's own spelling


def zico(module: fx.GraphModule, batches: Sequence[tuple[Tensor, Tensor]]) -> float:
    """The score over at least two batches."""
    module.train()
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    gradients: list[list[Tensor]] = [[] for _ in layers]
    for images, labels in batches:
        module.zero_grad(set_to_none=True)
        torch.autograd.backward(F.cross_entropy(module(images), labels))
        for layer, seen in zip(layers, gradients, strict=True):
            if layer.weight.grad is not None:
                seen.append(layer.weight.grad.flatten().clone())
    total = 0.0
    for seen in gradients:
        stacked = torch.stack(seen)
        sd, mean = stacked.std(0, correction=0), stacked.abs().mean(0)
        ratio = float((mean[sd > 0] / sd[sd > 0]).double().sum())
        total += log(ratio) if ratio > 0 else 0.0
    return total
