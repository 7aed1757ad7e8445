"""Imports a file beside it, also when it is called."""

from layers import conv
from torch import nn


def make() -> nn.Module:
    import layers

    assert layers.conv is conv
    return conv(3, 8)
