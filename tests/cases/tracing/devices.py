"""Tensors without a device, tensors that are no buffers, and regions of mixed precision."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


class Net(nn.Module):
    """A stem and a classifier of 10."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 4, 1)
        self.head = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.stem(x).mean((2, 3)))


class ArangeInForward(Net):
    """A position code of `arange` and `linspace`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        rows = torch.arange(x.shape[2]).float()[:, None] / x.shape[2]
        return self.head((x + rows + torch.linspace(-1, 1, x.shape[3])).mean((2, 3)))


class TensorInForward(Net):
    """A constant of Python numbers."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * torch.tensor([0.5] * 10)


class ZerosWithoutDevice(Net):
    """An output that is allocated on the default device."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        out = torch.zeros(x.shape)
        out[:, :8] = x[:, 8:]
        out[:, 8:] = x[:, :8]
        return self.head(out.mean((2, 3)))


class ImageMovedToOwnDevice(Net):
    """The module remembers the device that it was made on."""

    def __init__(self) -> None:
        super().__init__()
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.to(self.device)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.to(self.device))


class FixedBlurKernel(Net):
    """A blur whose kernel is a plain attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = torch.ones(3, 1, 3, 3) / 9

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(F.conv2d(x, self.kernel, padding=1, groups=3))


class AutocastOfImageDevice(Net):
    """Mixed precision on the device of the image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device_type=x.device.type, dtype=torch.bfloat16):
            x = self.stem(x)
        return self.head(x.float().mean((2, 3)))


class AutocastDecorator(Net):
    """Mixed precision of the whole forward pass."""

    @torch.autocast("cuda", enabled=True)
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)


class NestedRegions(Net):
    """A region without gradients, and in it one of full precision, with two results."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            with torch.autocast("cpu", enabled=False):
                x = self.stem(x)
                low, high = x.chunk(2, 1)
            low = low.relu()
        return self.head(torch.cat([low, high], 1).mean((2, 3)))


class CachedMask(Net):
    """A mask that the first forward pass makes and keeps."""

    mask = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        if self.mask is None:
            self.mask = torch.ones(x.shape[2:]).tril()
        return self.head((x * self.mask).mean((2, 3)))
