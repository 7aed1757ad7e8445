"""Initial weights of a network.

Convolutions: normal with variance 2 / fan-out (He et al., arXiv:1502.01852), where the fan-out of a
grouped convolution is that of one group, as in EfficientNet's reference code. Linear layers and
free tensors (class tokens, position codes): normal with standard deviation 0.02, cut at two of them
(ViT). Biases 0; norms 1 and 0, so in evaluation mode a fresh batch norm normalises nothing.
"""

from __future__ import annotations

from math import sqrt

from torch import nn

from nas.modules.layers import Param

LINEAR_STD = 0.02


def initialise(module: nn.Module) -> None:
    """Draw the weights of all convolutions and linear layers from torch's random generator."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            fan_out = layer.weight[0, 0].numel() * layer.out_channels // layer.groups
            nn.init.normal_(layer.weight, std=sqrt(2 / fan_out))
        elif isinstance(layer, nn.Linear) or (isinstance(layer, Param) and layer.fill is None):
            nn.init.trunc_normal_(layer.weight, std=LINEAR_STD, a=-2 * LINEAR_STD, b=2 * LINEAR_STD)
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
