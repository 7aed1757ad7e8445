"""Dropout and stochastic depth, put into a generated module: no ops of the graph, never exported.

Blocks state which additions are residual (`nas.graph.ops.RESIDUAL`).
"""

from __future__ import annotations

import operator

import torch
from torch import fx, nn
from torchvision.ops import StochasticDepth

from nas.graph.graph import Graph
from nas.graph.ops import RESIDUAL
from nas.train.recipe import Regularise

DROPOUT = "dropout"
DEPTH = "stochastic_depth"
Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]


def regularise(module: fx.GraphModule, graph: Graph, recipe: Regularise) -> None:
    """Insert the recipe's dropout and stochastic depth into the module of `graph`."""
    if recipe.stochastic_depth:
        _drop_branches(module, graph, recipe.stochastic_depth)
    if recipe.dropout:
        linear = {name for name, layer in module.named_modules() if isinstance(layer, nn.Linear)}
        last = [node for node in module.graph.nodes if node.target in linear][-1]
        _insert(module, last.args[0], last, DROPOUT, nn.Dropout(recipe.dropout))
    module.recompile()


def set_dropout(module: nn.Module, share: float) -> None:
    """Set the dropout rate of the next stage, if the module is a dropout."""
    layer = getattr(module, DROPOUT, None)
    if layer is not None:
        layer.p = share


def residuals(graph: Graph) -> list[tuple[int, int]]:
    """Index of each residual addition, and which of its two inputs is the branch."""
    # the branch is computed from the shortcut, so its op comes later
    return [
        (index, int(op.inputs[1] > op.inputs[0]))
        for index, op in enumerate(graph.ops)
        if op.role == RESIDUAL
    ]


def _drop_branches(module: fx.GraphModule, graph: Graph, share: float) -> None:
    additions = [
        node
        for node in module.graph.nodes
        if node.op == "call_function" and node.target is operator.add
    ]
    indices = [index for index, op in enumerate(graph.ops) if op.kind == "add"]
    nodes = dict(zip(indices, additions, strict=True))
    found = residuals(graph)
    for depth, (index, place) in enumerate(found, start=1):
        node = nodes[index]
        drop = StochasticDepth(share * depth / len(found), "row")
        _insert(module, node.args[place], node, f"{DEPTH}{depth}", drop)


def _insert(
    module: fx.GraphModule, value: fx.Node, reader: fx.Node, name: str, layer: nn.Module
) -> None:
    """Insert `layer` between a value and one of its readers."""
    module.add_submodule(name, layer)
    with module.graph.inserting_before(reader):
        node = module.graph.call_module(name, (value,))
    reader.replace_input_with(value, node)


def averaged(module: nn.Module, decay: float) -> torch.optim.swa_utils.AveragedModel:
    """Running average of a module's tensors and statistics; it forgets faster at the start."""

    def blend(kept: Tensors, new: Tensors, count: torch.Tensor | int) -> None:
        steps = int(count)
        if not kept[0].is_floating_point():  # how many batches a norm has seen
            torch._foreach_copy_(kept, new)
            return
        torch._foreach_lerp_(kept, new, 1 - min(decay, (1 + steps) / (10 + steps)))

    return torch.optim.swa_utils.AveragedModel(
        module, multi_avg_fn=torch.no_grad()(blend), use_buffers=True
    )
