"""Calls that do no work, and products in rarer forms."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torchvision.ops import DeformConv2d


def activations() -> nn.Module:
    """Every kind of activation."""
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, 4, 1), nn.ReLU6(), nn.Hardswish(), nn.Hardsigmoid(), nn.Mish()),
        *(nn.GELU("tanh"), nn.CELU(), nn.Softsign(), nn.Tanhshrink(), nn.LogSigmoid()),
        *(nn.Threshold(0.1, 20), nn.RReLU(), nn.Softplus(), nn.Hardshrink(), nn.Softmax2d()),
        *(nn.AlphaDropout(), nn.Dropout2d(), nn.FeatureAlphaDropout(), nn.Softshrink()),
    )


class Fills(nn.Module):
    """Tensors made in the shape of others."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 4, 1)
        self.head = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        none = x.new_zeros(x.shape[0], 1, *x.shape[2:])
        shifted = torch.cat([x[:, 1:], none], 1) * x.new_ones(1)
        x = shifted + torch.empty_like(x).fill_(0) + torch.full_like(x, 0.1)
        return self.head((x + torch.rand_like(x) * 0).mean((2, 3)))


class Glu(nn.Module):
    """A gated linear unit."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 32, 16, 16)
        self.norm = nn.RMSNorm(32)
        self.a = nn.Linear(32, 128)
        self.b = nn.Linear(64, 32)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(F.glu(self.a(self.norm(self.patch(x).flatten(2).mT)), -1))


def norms() -> nn.Module:
    """Instance and local response norms, and shuffles of pixels."""
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, 2, 1), nn.InstanceNorm2d(16, affine=True), nn.PReLU(16)),
        *(nn.Conv2d(16, 16, 3, 1, 1, groups=16), nn.InstanceNorm2d(16), nn.PReLU()),
        *(nn.Conv2d(16, 27, 1), nn.PixelShuffle(3), nn.PixelUnshuffle(2)),
        nn.LocalResponseNorm(3),
    )


class Resized(nn.Module):
    """Resized by area and by the exact nearest pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        small = F.interpolate(self.conv(x), scale_factor=0.5, mode="area")
        return F.interpolate(
            small, scale_factor=1.7, mode="nearest-exact", recompute_scale_factor=True
        )


class Idle(nn.Module):
    """Sorting, sums along a side, sampling at points: no multiply-adds."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x).cumsum(1).sort(1).values
        grid = F.affine_grid(torch.eye(2, 3)[None], [1, 1, 9, 9], align_corners=False)
        x = F.grid_sample(x, grid, align_corners=False)
        best, _ = x.topk(3, dim=1)
        return torch.where(best.isnan(), best.floor(), best.logsumexp(1, keepdim=True))


class Addmm(nn.Module):
    """A linear layer by `addmm`."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.randn(48, 64))
        self.bias = nn.Parameter(torch.zeros(64))
        self.b = nn.Parameter(torch.randn(64, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.adaptive_avg_pool2d(x, 4).flatten(1)
        return torch.addmm(self.bias, x, self.a) @ self.b


class Tokens(nn.Module):
    """196 tokens of 32 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 32, 16, 16)

    def tokens(self, x: torch.Tensor) -> torch.Tensor:
        return self.patch(x).flatten(2).mT


class EinsumEllipsis(Tokens):
    """`...` for all other dimensions, and operands as a list."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(32, 32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.tokens(x)
        y = torch.einsum("...d,de->...e", x, self.weight)
        return torch.einsum("bij,bkj->bik", [x, y])


class EinsumThree(Tokens):
    """Three operands, no arrow, and a product that sums nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Parameter(torch.randn(8, 32))
        self.right = nn.Parameter(torch.randn(8, 32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.tokens(x)
        low = torch.einsum("bnd,kd,ke->bne", x, self.left, self.right)
        same = torch.einsum("bnd,bn->bnd", low, low[..., 0])
        return torch.einsum("bnd,de", same, torch.ones(32, 4))


class Tensordot(Tokens):
    """Contracted over the last dimension of either."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tensordot(self.tokens(x), self.weight, dims=([2], [1]))


class MultiDot(Tokens):
    """A chain whose cheapest order is from the right."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.randn(32, 64))
        self.b = nn.Parameter(torch.randn(64, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.multi_dot([self.tokens(x)[0], self.a, self.b])


class Vectors(Tokens):
    """Products with vectors, of which PyTorch counts what it does by a matrix product."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(32))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = self.tokens(x)
        w = self.weight
        return torch.mv(x[0], w), x @ w, torch.inner(x, w), torch.dot(w, x[0, 0])


class Recurrent(nn.Module):
    """An LSTM, and a GRU in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 16, 16)
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.gru = nn.GRU(32, 8, batch_first=True, bidirectional=True)
        self.head = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, _ = self.lstm(self.patch(x).flatten(2).mT)
        x, _ = self.gru(x)
        return self.head(x[:, -1])


class Cells(nn.Module):
    """One step of each recurrent cell."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTMCell(48, 16)
        self.gru = nn.GRUCell(16, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.lstm(F.adaptive_avg_pool2d(x, 4).flatten(1))
        return self.gru(hidden)


class Deformable(nn.Module):
    """torchvision's deformable convolution, with a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 4, 1)
        self.offsets = nn.Conv2d(16, 27, 3, 1, 1)
        self.conv = DeformConv2d(16, 32, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        found = self.offsets(x)
        return self.conv(x, found[:, :18], found[:, 18:].sigmoid())


class Generated(nn.Module):
    """Convolves with kernels that are made of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 4, 1)
        self.kernels = nn.Linear(8, 8 * 9)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        kernels = self.kernels(x.mean((2, 3))).view(8, 1, 3, 3)
        return F.conv2d(x, kernels, padding=1, groups=8)
