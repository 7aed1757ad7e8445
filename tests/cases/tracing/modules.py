"""Modules that cannot be copied, are not ready, share weights, or hold more than they use."""

import warnings
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils import parametrizations, prune


class TiedLinear(nn.Module):
    """One module used thrice, and two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 4, 1)
        self.same = nn.Conv2d(16, 16, 3, 1, 1)
        self.a = nn.Linear(16, 10, bias=False)
        self.b = nn.Linear(16, 10, bias=False)
        self.b.weight = self.a.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for _ in range(3):
            x = F.relu(self.same(x))
        x = x.mean((2, 3))
        return self.a(x) + self.b(x)


class UnbatchedConv2d(nn.Module):
    """Convolutions of one image without a batch, and a norm that is never used."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, 2, 1)
        self.norm = nn.BatchNorm2d(16)
        self.second = nn.Conv2d(16, 32, 3, 2, 1, groups=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x[0]))


class Hooked(nn.Module):
    """What a hook has kept is read by `forward`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 4, 1)
        self.head = nn.Linear(16, 10)
        self.kept: dict[str, torch.Tensor] = {}
        self.stem.register_forward_hook(lambda _, __, out: self.kept.update(stem=out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.stem(x)
        return self.head(self.kept["stem"].mean((2, 3)))


def convs() -> tuple[nn.Conv2d, nn.Conv2d]:
    return nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1)


def weight_norm() -> nn.Module:
    """The old form, by hooks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = map(nn.utils.weight_norm, convs())
    return nn.Sequential(first, nn.ReLU(), second)


def pruned() -> nn.Module:
    """Half of the weights are masked."""
    first, second = (prune.l1_unstructured(conv, "weight", 0.5) for conv in convs())
    return nn.Sequential(first, nn.ReLU(), second)


def spectral_norm() -> nn.Module:
    """A parametrisation with vectors of its own."""
    first, second = map(parametrizations.spectral_norm, convs())
    return nn.Sequential(first, nn.ReLU(), second)


def lazy() -> nn.Module:
    """Layers that learn their sizes from the first image."""
    return nn.Sequential(
        nn.LazyConv2d(8, 3, 2, 1),
        nn.LazyBatchNorm2d(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.LazyLinear(10),
    )


def classifier() -> nn.Sequential:
    conv, _ = convs()
    return nn.Sequential(
        conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
    ).eval()


def scripted() -> nn.Module:
    """TorchScript by tracing."""
    return torch.jit.trace(classifier(), torch.randn(1, 3, 224, 224))


def scripted_inside() -> nn.Module:
    """TorchScript of source, as one part of a module."""
    return nn.Sequential(torch.jit.script(classifier()), nn.Linear(10, 4))


@dataclass
class Result:
    """What a detector returns."""

    logits: torch.Tensor
    levels: dict[str, list[torch.Tensor]]
    size: tuple[int, int] = (7, 7)


class OwnResult(nn.Module):
    """The result is an object of the module's own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.next = convs()
        self.head = nn.Linear(8, 10)
        self.anchors = nn.Parameter(torch.zeros(5, 4))

    def forward(self, x: torch.Tensor) -> Result:
        x = self.conv(x)
        return Result(self.head(x.mean((2, 3))), {"maps": [x, self.next(x)], "a": [self.anchors]})


class Transposed3d(nn.Module):
    """Four equal frames, convolved and brought back."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv3d(3, 8, 3, 2, 1)
        self.up = nn.ConvTranspose3d(8, 4, 2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.up(self.down(x.unsqueeze(2).repeat(1, 1, 4, 1, 1)))


class Dilated(nn.Module):
    """Atrous convolutions, with the padding that keeps a map and without."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 4, 1)
        self.same = nn.Conv2d(8, 8, 3, padding=4, dilation=4)
        self.named = nn.Conv2d(8, 8, 3, padding="same", dilation=2)
        self.valid = nn.Conv2d(8, 8, 3, dilation=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.valid(self.named(self.same(self.stem(x))))


class OnAValue(nn.Module):
    """Goes one of two ways by what is in the image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        if x.mean() > 0:
            x = x * 2
        return x
