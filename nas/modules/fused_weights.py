"""Merge weights where `nas.graph.fuse.fuse` merges ops.

A fused convolution or linear layer is a sum of branches that are affine in one input: a kernel, a
batch norm, the input itself. Each branch becomes a kernel and a bias of the fused layer's shape,
and these are added, subtracted and scaled (RepVGG, arXiv:2101.03697, section 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.graph.fuse import fuse_traced
from nas.graph.graph import Graph
from nas.modules.layers import StandardConv2d, assemble


@torch.no_grad()
def fused(graph: Graph, trained: fx.GraphModule) -> fx.GraphModule:
    """The module of the fused graph, in evaluation mode, with the function of `trained`.

    `trained` is the module that `nas.modules.build` makes of `graph`.
    """
    merged, origins, norms = fuse_traced(graph)
    module = assemble(merged).to(next(trained.parameters()).dtype).eval()
    for op, last in zip(merged.ops, origins, strict=True):
        layer = dict(module.named_modules()).get(op.name)
        if isinstance(layer, nn.Conv2d | nn.Linear):
            sources = _Branches(graph, trained, origins[op.inputs[0]], layer)
            kernel, bias = sources.affine(last)
            if last in norms:
                kernel, bias = sources.scaled(kernel, bias, *norms[last])
            layer.weight.copy_(kernel)
            if layer.bias is not None:
                layer.bias.copy_(bias)
        elif layer is not None:
            layer.load_state_dict(trained.get_submodule(op.name).state_dict())
    return module


@dataclass(frozen=True, slots=True)
class _Branches:
    """Ops between two values of a graph, as kernels of the layer that replaces them."""

    graph: Graph
    trained: nn.Module
    source: int
    layer: nn.Conv2d | nn.Linear

    def affine(self, index: int) -> tuple[Tensor, Tensor]:
        """Kernel and bias that compute op `index` from the source."""
        op = self.graph.ops[index]
        if index == self.source:
            return self._identity()
        if op.kind == "add":
            parts = [self.affine(i) for i in op.inputs]
            return sum(k for k, _ in parts), sum(b for _, b in parts)  # type: ignore[return-value]
        if op.kind == "sub":
            (kernel, bias), (less_kernel, less_bias) = map(self.affine, op.inputs)
            return kernel - less_kernel, bias - less_bias
        if op.kind in ("batch_norm", "scale"):
            return self.scaled(*self.affine(op.inputs[0]), index)
        layer: Any = self.trained.get_submodule(op.name)
        kernel = layer.standardised() if isinstance(layer, StandardConv2d) else layer.weight
        bias = kernel.new_zeros(len(kernel)) if layer.bias is None else layer.bias
        if op.inputs[0] != self.source:  # a norm before a linear layer or 1 x 1 convolution
            scale, shift = self._norm(op.inputs[0])
            bias = bias + kernel.flatten(1) @ shift
            kernel = kernel * scale.reshape(-1, *[1] * (kernel.dim() - 2))
        if isinstance(self.layer, nn.Conv2d):
            sizes = zip(self.layer.kernel_size, kernel.shape[2:], strict=True)
            high, wide = ((largest - own) // 2 for largest, own in sizes)
            kernel = F.pad(kernel, [wide, wide, high, high])
        return kernel, bias

    def scaled(
        self, kernel: Tensor, bias: Tensor, index: int, start: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Kernel and bias behind a norm or scale, op `index`, of its channels from `start` on."""
        factors = self._norm if self.graph.ops[index].kind == "batch_norm" else self._scale
        scale, shift = (x[start : start + len(kernel)] for x in factors(index))
        return kernel * scale.reshape(-1, *[1] * (kernel.dim() - 1)), bias * scale + shift

    def _identity(self) -> tuple[Tensor, Tensor]:
        kernel = torch.empty_like(self.layer.weight)
        nn.init.dirac_(kernel, self.layer.groups)  # type: ignore[arg-type]
        return kernel, kernel.new_zeros(len(kernel))

    def _scale(self, index: int) -> tuple[Tensor, Tensor]:
        """Scale per channel of a layer scale, and no shift."""
        layer: Any = self.trained.get_submodule(self.graph.ops[index].name)
        return layer.gamma, torch.zeros_like(layer.gamma)

    def _norm(self, index: int) -> tuple[Tensor, Tensor]:
        """Scale and shift per channel of a batch norm in evaluation mode."""
        norm: Any = self.trained.get_submodule(self.graph.ops[index].name)
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        return scale, norm.bias - norm.running_mean * scale
