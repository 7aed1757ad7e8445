"""Initial weights of a network.

Convolutions: normal with variance 2 / fan-out (He et al., arXiv:1502.01852), where the fan-out of a
grouped convolution is that of one group, as in EfficientNet's reference code. Linear layers and
free tensors (class tokens, position codes): normal with standard deviation 0.02, cut at two of them
(ViT). Biases 0; norms 1 and 0, so in evaluation mode a fresh batch norm normalises nothing.
"""

from __future__ import annotations

from math import sqrt

from torch import Tensor, nn

from nas.graph.ops import Op
from nas.modules.layers import Param

LINEAR_STD = 0.02


def initialise(module: nn.Module) -> None:
    """Draw the weights of all convolutions and linear layers from torch's random generator."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            fan_out = layer.weight[0, 0].numel() * layer.out_channels // layer.groups
            draw_conv(layer.weight, fan_out)
        elif isinstance(layer, nn.Linear) or (isinstance(layer, Param) and layer.fill is None):
            draw_linear(layer.weight)
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)


def draw_conv(weight: Tensor, fan_out: int) -> None:
    """Draw the weights of a convolution in place."""
    nn.init.normal_(weight, std=sqrt(2 / fan_out))


def draw_linear(weight: Tensor) -> None:
    """Draw the weights of a linear layer or a free tensor in place."""
    nn.init.trunc_normal_(weight, std=LINEAR_STD, a=-2 * LINEAR_STD, b=2 * LINEAR_STD)


def initial(op: Op, tensor: str, weight: Tensor, fan_out: int) -> None:
    """Set one tensor of an op, given empty, to its initial values."""
    fill = op.attrs.get("fill")
    if op.kind == "conv" and tensor == "weight":
        draw_conv(weight, fan_out)
    elif tensor == "weight" and (op.kind == "linear" or (op.kind == "param" and fill is None)):
        draw_linear(weight)
    elif tensor == "bias":
        nn.init.zeros_(weight)
    else:
        nn.init.constant_(weight, 1.0 if fill is None else fill)
