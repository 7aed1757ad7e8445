"""One step of the sandwich rule with in-place distillation (BigNAS, arXiv:2003.11142).

The largest network learns from the labels. The others learn from what it predicts on the same
images in the same step. Gradients of all of them are added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.supernet.distillation import DIVERGENCES
from nas.supernet.subnet import Subnet
from nas.train.loop import Setting

Loss = Callable[[Tensor, Tensor], Tensor]
"""From logits and targets, both (b, classes)."""


def sandwich(
    subnets: Sequence[Subnet],
    images: Tensor,
    targets: Tensor,
    setting: Setting,
    divergence: str = "kl",
) -> Tensor:
    """Compute the gradients of sub-networks, the largest first; returns its loss.

    Shapes: images (b, 3, s, s), targets (b, classes). A sub-network of another image side gets
    resized images.
    """
    largest, *others = subnets
    loss, logits = _backward(largest, images, targets, F.cross_entropy, setting)
    for other in others:
        _backward(other, images, logits, DIVERGENCES[divergence], setting)
    return loss


def _backward(
    own: Subnet, images: Tensor, targets: Tensor, loss: Loss, setting: Setting
) -> tuple[Tensor, Tensor]:
    """Mean loss of the images and their logits, both detached; gradients are left in the module."""
    x = resized(images, own.arch.input[1])
    size = setting.images_per_pass(own.arch, len(x))
    total, found = torch.zeros((), device=x.device), []
    for part, wanted in zip(torch.split(x, size), torch.split(targets, size), strict=True):
        with setting.autocast():
            logits = own.module(part).float()
            mean = loss(logits, wanted) * (len(part) / len(x))
        torch.autograd.backward(mean)
        total += mean.detach()
        found.append(logits.detach())
    return total, torch.cat(found)


def resized(images: Tensor, side: int) -> Tensor:
    """Images (b, 3, s, s) at another side."""
    if images.shape[-1] == side:
        return images
    found = F.interpolate(images, (side, side), mode="bilinear", antialias=True)
    return found.contiguous(memory_format=torch.channels_last)
