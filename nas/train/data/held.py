"""Images held in memory, on the device that trains: a batch is an index, a crop one kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own spelling
from torchvision.transforms.v2 import functional as TF  # noqa: N812

from nas.train.data.base import SHIFT, WHOLE, Crop, Plan
from nas.train.preprocessing import Step

RATIO = (3 / 4, 4 / 3)
"""Width over height of a random part, as in the reference code of arXiv:1409.4842."""
CHUNK = 4096
"""Images resized at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """All images of a split as uint8."""

    pixels: Tensor
    """(n, C, H, W) uint8"""
    labels: Tensor
    _sizes: dict[int, Tensor] = field(default_factory=dict)
    """Sides asked for so far, and the images so large."""

    def take(self, index: Tensor) -> Held:
        return Held(self.pixels[index.to(self.pixels.device)], self.labels[index])

    def to(self, device: torch.device) -> Held:
        same = self.pixels.device == device
        return self if same else Held(self.pixels.to(device), self.labels)

    def batches(self, plan: Plan, crop: Crop = WHOLE) -> Iterator[tuple[Tensor, Tensor]]:
        device = self.pixels.device
        labels = self.labels.to(device)
        for indices, side in plan:
            index = indices.to(device)
            images = (self.pixels if crop.kind == "resized" else self.at(side))[index]
            if crop.kind == "shift":
                images = shifted(images)
            elif crop.kind == "resized":
                images = random_parts(images, side, crop.least)
            yield images, labels[index]

    def steps(self, side: int) -> tuple[Step, ...]:
        same = self.pixels.shape[-2:] == (side, side)
        return () if same else (Step("resize", (side, side)),)

    def at(self, side: int) -> Tensor:
        """(n, C, side, side) all images, resized once."""
        if self.pixels.shape[-2:] == (side, side):
            return self.pixels
        if side not in self._sizes:
            parts = torch.split(self.pixels, CHUNK)
            resized = [TF.resize(part, [side, side], antialias=True) for part in parts]
            self._sizes[side] = torch.cat(resized)
        return self._sizes[side]


def shifted(images: Tensor) -> Tensor:
    """Each image moved by up to `SHIFT` of its side, and filled up with black. (n, C, s, s)."""
    n, _, height, width = images.shape
    pad = max(1, round(SHIFT * width))
    moves = torch.randint(0, 2 * pad + 1, (2, n, 1), device=images.device)
    rows, columns = (
        moves[i] + torch.arange(length, device=images.device)
        for i, length in enumerate((height, width))
    )
    padded = F.pad(images, [pad] * 4).permute(0, 2, 3, 1)
    each = torch.arange(n, device=images.device)[:, None, None]
    return padded[each, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def random_parts(images: Tensor, side: int, least: float) -> Tensor:
    """A random part of each image, `least` of its area at least, side x side. uint8 to uint8."""
    n, device = len(images), images.device
    area = torch.empty(n, device=device).uniform_(least, 1)
    low, high = torch.tensor(RATIO).log().tolist()
    ratio = torch.empty(n, device=device).uniform_(low, high).exp()
    share = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()]).clamp(max=1)
    centre = (torch.rand(2, n, device=device) * 2 - 1) * (1 - share)
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, [0, 1], [0, 1]], theta[:, :, 2] = share.T, centre.T
    grid = F.affine_grid(theta, [n, images.shape[1], side, side], align_corners=False)
    sampled = F.grid_sample(images.float(), grid, padding_mode="reflection", align_corners=False)
    return sampled.round_().to(torch.uint8)


def statistics(split: Held) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of held images, from 0 to 1."""
    channels = split.pixels.permute(1, 0, 2, 3).flatten(1)
    levels = torch.arange(256, dtype=torch.float64) / 255
    means, sds = [], []
    for channel in channels:  # by counting, in whole numbers
        share = torch.bincount(channel, minlength=256).double() / channel.numel()
        mean = float(share @ levels)
        means.append(round(mean, 4))
        sds.append(round(max(float(share @ (levels - mean) ** 2) ** 0.5, 1e-3), 4))
    return tuple(means), tuple(sds)
