"""A sub-network: a module that computes with copies of its part of the shared weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from nas.modules.layers import assemble
from nas.space.arch import Arch
from nas.space.space import Code
from nas.supernet.store import Slice, WeightStore
from nas.train.recipe import Regularise
from nas.train.regularise import regularise


@dataclass(frozen=True, eq=False)
class Subnet:
    """A network of a space, ready for one step. Its batch norms use the statistics of the batch."""

    arch: Arch
    slices: Mapping[str, Slice]
    module: fx.GraphModule

    def gradients(self) -> Iterator[tuple[Slice, Tensor]]:
        """The slice of every parameter, and its gradient in the module's shape."""
        for name, parameter in self.module.named_parameters():
            if parameter.grad is not None:
                yield self.slices[name], parameter.grad


def subnet(store: WeightStore, code: Code, drops: Regularise | None = None) -> Subnet:
    """The network of a code with the current weights; `drops`: with dropout, stochastic depth."""
    arch = store.space.decode(code)
    slices = store.slices(arch, code)
    module = assemble(arch.graph)
    load(module, store.weights(slices))
    if drops is not None:
        regularise(module, arch.graph, drops)
    module.to(store.device).train()
    return Subnet(arch, slices, module)


def load(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give a module's parameters these tensors, those of convolutions as channels last."""
    for name, parameter in module.named_parameters():
        tensor = weights[name]
        form = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
        parameter.data = tensor.contiguous(memory_format=form)
