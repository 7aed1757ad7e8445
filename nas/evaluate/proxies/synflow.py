"""SynFlow (arXiv:2006.05467; as a score of networks, arXiv:2101.08134, section 3).

The sum over weights of |weight x gradient| where all weights are replaced by their magnitudes and
the image is all ones. Departs: its logarithm, which ranks the same and does not overflow; norms do
nothing, as in the second paper's code.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


def synflow(module: fx.GraphModule, batches: Sequence[tuple[Tensor, Tensor]]) -> float:
    """Natural logarithm of the score. Only the images' shape is read."""
    module.double().eval()
    for name, layer in list(module.named_modules()):
        if isinstance(layer, NORMS):
            parent = module.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], nn.Identity())
    with torch.no_grad():
        for weight in module.parameters():
            weight.abs_()
    images = torch.ones_like(batches[0][0][:1], dtype=torch.float64)
    # other kernels exponentiate rounding errors of scores as large as these
    with sdpa_kernel(SDPBackend.MATH):
        module(images).sum().backward()
    total = sum(
        (weight * weight.grad).abs().sum().item()
        for weight in module.parameters()
        if weight.grad is not None
    )
    return float(torch.tensor(total, dtype=torch.float64).log())
