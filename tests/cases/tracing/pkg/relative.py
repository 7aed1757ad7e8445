"""Imports relatively."""

from torch import nn

from .layers import conv


def make() -> nn.Module:
    return conv(3, 8)
