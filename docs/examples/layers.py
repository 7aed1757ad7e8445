"""Imported by net.py, which stands beside it."""

from torch import nn


def conv(i: int, o: int) -> nn.Module:
    """A convolution that halves the map."""
    return nn.Sequential(nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())
