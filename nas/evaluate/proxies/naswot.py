"""NASWOT (arXiv:2006.04647, section 3): how differently a fresh network's units see images.

Log determinant of the kernel of binary codes: which units of all activations an image switches on.
Departs: for activations other than ReLU a unit is on where its input is positive.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn

GATES = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.GELU)


@torch.no_grad()
def naswot(module: fx.GraphModule, batches: Sequence[tuple[Tensor, Tensor]]) -> float:
    """Log determinant of the kernel on the first batch. Takes batches of one size."""
    images = batches[0][0]
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64, device=images.device)

    def add(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        on = (inputs[0].flatten(1) > 0).float()
        # equal bits, on and off
        kernel.add_((on @ on.T + (1 - on) @ (1 - on.T)).double())

    hooks = [
        layer.register_forward_pre_hook(add)
        for layer in module.modules()
        if isinstance(layer, GATES)
    ]
    module.train()(images)
    for hook in hooks:
        hook.remove()
    return float(torch.linalg.slogdet(kernel)[1])
