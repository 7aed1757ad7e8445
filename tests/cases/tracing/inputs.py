"""Modules that take something else than one image of 3 x 224 x 224 floats."""

import torch
from torch import nn


def gray() -> nn.Module:
    """One channel."""
    conv = nn.Conv2d(1, 8, 3, 2, 1)
    return nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


def half() -> nn.Module:
    """Numbers of 16 bits."""
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU()).half()


def bf16() -> nn.Module:
    """Numbers of 16 bits, of the other kind."""
    return half().bfloat16()


class Two(nn.Module):
    """Two images, and a third that is optional."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)

    def forward(
        self, x: torch.Tensor, y: torch.Tensor, z: torch.Tensor | None = None
    ) -> torch.Tensor:
        return self.conv(x) + self.conv(y) if z is None else self.conv(z)


instance = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1))


class ImageAndText(nn.Module):
    """An image of another channel count, and numbers of words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(100, 8)
        self.conv = nn.Conv2d(4, 8, 3, 2, 1)

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        return self.conv(image).flatten(2) * self.words(text).mean(1)[..., None]


class Lightning(nn.Module):
    """States its own input as Lightning's modules do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 8, 5, padding=2)
        self.example_input_array = torch.zeros(4, 2, 100)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)
