"""Zen-score (arXiv:2102.01063, algorithm 1): how far features move when the input moves a little.

Gaussian weights and input; what batch norms divide by is multiplied back. Features are what the
last global pooling reads, or, in a network without, what its classifier reads. Departs: in place
of gradients a small step, as in the paper's algorithm, from `REPEATS` inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import torch
from torch import Tensor, fx, nn

STEP = 0.01
IMAGES, REPEATS = 16, 8
"""At a time, and times."""


@torch.no_grad()
def zen(module: fx.GraphModule, batches: Sequence[tuple[Tensor, Tensor]]) -> float:
    """The score. Of the images only the shape is read."""
    module.train()
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    spreads: list[Tensor] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        spreads.append(inputs[0].var((0, 2, 3)).mean() if inputs[0].ndim == 4 else inputs[0].var())

    hooks = [
        layer.register_forward_pre_hook(note)
        for layer in module.modules()
        if isinstance(layer, nn.BatchNorm2d)
    ]
    features = _features(module)
    moved, like = [], batches[0][0][:IMAGES]
    for _ in range(REPEATS):
        x = torch.randn_like(like)
        step = torch.randn_like(like) * STEP
        spreads.clear()
        before = features(x)
        scale = sum(log(max(float(spread), 1e-12)) / 2 for spread in spreads)
        far = (features(x + step) - before).abs().flatten(1).sum(1).mean()
        moved.append(log(max(float(far), 1e-12)) + scale)
    for hook in hooks:
        hook.remove()
    return sum(moved) / len(moved)


def _features(module: fx.GraphModule) -> fx.GraphModule:
    """The module up to what its last global pooling, or else its last linear layer, reads."""
    layers = [node for node in module.graph.nodes if node.op == "call_module"]
    pools, linears = (
        [node for node in layers if isinstance(module.get_submodule(node.target), kind)]
        for kind in (nn.AdaptiveAvgPool2d, nn.Linear)
    )
    graph = fx.Graph()
    end = (pools or linears)[-1].args[0]
    kept: dict[fx.Node, fx.Node] = {}
    for node in module.graph.nodes:
        kept[node] = graph.node_copy(node, kept.__getitem__)
        if node is end:
            break
    graph.output(kept[end])
    return fx.GraphModule(module, graph)
