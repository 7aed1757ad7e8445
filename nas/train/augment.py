"""Augmentation of whole batches on the device, after the crop and before the network.

Departs: RandAugment (torchvision's) draws its ops once for each `GROUP` images of a batch, not for
each image, since an op is one kernel for all of them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own spelling
from torchvision.transforms import v2

from nas.train.data import DataSet
from nas.train.recipe import Recipe

GROUP = 8
"""Images that share one draw of RandAugment's ops."""
OPS, BINS = 2, 31
"""Ops per image, and magnitudes: 0 to 30 as in TensorFlow."""


def augmented(
    images: Tensor, labels: Tensor, recipe: Recipe, data: DataSet
) -> tuple[Tensor, Tensor]:
    """uint8 (b, 1 or 3, s, s) and (b,) -> float (b, 3, s, s) and probabilities (b, classes)."""
    wanted = recipe.augment
    if wanted.flip and data.mirrored:
        mirror = torch.rand(len(images), device=images.device) < 0.5
        images = torch.where(mirror[:, None, None, None], images.flip(-1), images)
    if wanted.randaugment:
        op = v2.RandAugment(OPS, round(wanted.randaugment), BINS)
        images = torch.cat([op(part) for part in torch.split(images, GROUP)])
    x, classes = normalised(images, data), len(data.classes)
    if wanted.mixup:
        x, targets = v2.MixUp(alpha=wanted.mixup, num_classes=classes)(x, labels)
    else:
        targets = F.one_hot(labels, classes).to(x.dtype)
    smoothing = recipe.regularise.label_smoothing
    return x, targets * (1 - smoothing) + smoothing / classes


def normalised(images: Tensor, data: DataSet) -> Tensor:
    """uint8 (b, C, s, s) -> float (b, 3, s, s), channels last, grey repeated."""
    mean, sd = (
        torch.tensor(values, device=images.device)[:, None, None] for values in (data.mean, data.sd)
    )
    x = (images / 255 - mean) / sd
    return x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
