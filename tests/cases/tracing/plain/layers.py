"""Wider kernels than those of the file of the same name above."""

from torch import nn


def conv(i: int, o: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(i, o, 5, 2, 2, bias=False), nn.BatchNorm2d(o), nn.ReLU())
