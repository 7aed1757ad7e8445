"""A layer that net.py, in the same folder, imports."""

from torch import nn


def conv(i: int, o: int) -> nn.Module:
    """Return a convolution that halves the feature map."""
    return nn.Sequential(nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())
