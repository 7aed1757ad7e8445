"""Tensors that are made inside `forward` and then written to."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


class Net(nn.Module):
    """A stem, what a test puts in the middle, a convolution, and a classifier of 10."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 4, 1)
        self.conv = nn.Conv2d(16, 16, 3, 1, 1)
        self.head = nn.Linear(16, 10)

    def middle(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.conv(self.middle(self.stem(x))).mean((2, 3)))


class ZerosFilledBySlices(Net):
    """Halves are swapped."""

    def middle(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.zeros(x.shape, device=x.device)
        out[:, :8] = x[:, 8:]
        out[:, 8:] = x[:, :8]
        return out


class PaddedByHand(Net):
    """A border of one zero."""

    def middle(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        out = torch.zeros(n, c, h + 2, w + 2, device=x.device, dtype=x.dtype)
        out[:, :, 1:-1, 1:-1] = x
        return out


class WrittenThroughAView(Net):
    """The tensor that is written to is a view of a view of what is read."""

    def middle(self, x: torch.Tensor) -> torch.Tensor:
        out = x.new_zeros(x.shape)
        view = out.flatten(2).unbind(1)
        for channel, part in enumerate(x.flatten(2).unbind(1)):
            view[channel].copy_(part)
        return out


class WrittenByOut(Net):
    """`out=` names the tensor that is written to."""

    def middle(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        torch.add(x, 1, out=out)
        return out


class Scattered(Net):
    """Written at an index."""

    def middle(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.ones_like(x)
        out[:, torch.arange(0, 16, 2)] = x[:, ::2]
        return out


class TrainedBorder(Net):
    """A trained border is written around the map, and read through it alone."""

    def __init__(self) -> None:
        super().__init__()
        self.border = nn.Parameter(torch.zeros(16))

    def middle(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        out = torch.zeros(n, c, h + 2, w + 2)
        out += self.border[:, None, None]
        out[:, :, 1:-1, 1:-1] = x
        return out


class TrainedConstant(Net):
    """A trained table is copied into zeros before the map is added to it."""

    def __init__(self) -> None:
        super().__init__()
        self.row = nn.Parameter(torch.zeros(56))

    def middle(self, x: torch.Tensor) -> torch.Tensor:
        codes = torch.zeros(1, 1, 56, 56)
        codes[:, :, 0] = self.row
        return F.relu(x + codes, inplace=True)


class TrainedInTheFormOfTheMap(Net):
    """Trained tensors take the type and the shape of the map, and are read after that."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.zeros(16))
        self.shift = nn.Parameter(torch.zeros(16, 1, 1))

    def middle(self, x: torch.Tensor) -> torch.Tensor:
        rate = torch.exp(self.rate.sum()).type_as(x)
        return F.relu(x * rate + self.shift.expand_as(x))
