"""How each op kind becomes torch, and how a graph of them becomes one `torch.fx.GraphModule`.

A graph's shapes are per image; the module takes a batch in front of them. The batch size is never
read (it is the -1 of every reshape), so the module exports with a dynamic batch. Leaves out
training-time extras that are no op of the graph: dropout and stochastic depth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.errors import ArchError
from nas.graph import Graph
from nas.ops import Op

EPS = 1e-5
"""Of batch and layer norm, as in the PyTorch implementations of all families."""

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hswish": nn.Hardswish,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid,
    "hsigmoid": nn.Hardsigmoid,
}


def _conv(op: Op) -> nn.Module:
    a, k = op.attrs, op.attrs["k"]
    c = op.in_shapes[0][0]
    return nn.Conv2d(c, a["out"], k, a["s"], k // 2, groups=a["groups"], bias=a["bias"])


def _batch_norm(op: Op) -> nn.Module:
    kind = nn.BatchNorm2d if len(op.shape) == 3 else nn.BatchNorm1d
    return kind(op.shape[0], eps=EPS)


def _attention(op: Op, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """In 4-D, the only form that runtimes take: leading dimensions are folded into the batch."""
    q, k, v = (x.reshape(-1, *op.shape[-3:]) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).reshape(-1, *op.shape)


#: op kinds that become a submodule under the op's name
LAYERS: dict[str, Callable[[Op], nn.Module]] = {
    "conv": _conv,
    "linear": lambda op: nn.Linear(op.in_shapes[0][-1], op.attrs["out"], op.attrs["bias"]),
    "batch_norm": _batch_norm,
    "layer_norm": lambda op: nn.LayerNorm(op.shape[-1], eps=EPS),
    "act": lambda op: ACTIVATIONS[op.attrs["fn"]](),
    "global_pool": lambda op: nn.AdaptiveAvgPool2d(1),
    "avg_pool": lambda op: nn.AvgPool2d(op.attrs["k"], op.attrs["s"], op.attrs["k"] // 2),
    "max_pool": lambda op: nn.MaxPool2d(op.attrs["k"], op.attrs["s"], op.attrs["k"] // 2),
}

#: op kinds that become plain tensor code, recorded by running it on fx proxies;
#: dimension d of the graph is d + 1 of the batch
CALLS: dict[str, Callable[..., Tensor]] = {
    "add": lambda op, a, b: a + b,
    "mul": lambda op, a, b: a * b,
    "concat": lambda op, *parts: torch.cat(parts, dim=1),
    "reshape": lambda op, x: x.reshape(-1, *op.shape),
    "permute": lambda op, x: x.permute(0, *(d + 1 for d in op.attrs["dims"])),
    "select": lambda op, x: x.select(1, op.attrs["index"]),
    "attention": _attention,
}


def assemble(graph: Graph) -> fx.GraphModule:
    """The module that executes the graph's ops in order.

    Raises:
        ArchError: an op kind that only traced graphs have.
    """
    module = fx.GraphModule(nn.Module(), fx.Graph(), "Network")
    tracer = fx.proxy.GraphAppendingTracer(module.graph)
    values: list[Any] = []  # proxies, which pass for tensors
    for op in graph.ops:
        inputs = [values[i] for i in op.inputs]
        if op.kind in CALLS:
            values.append(CALLS[op.kind](op, *inputs))
            continue
        if op.kind == "input":
            node = module.graph.placeholder("image")
        elif op.kind in LAYERS:
            module.add_submodule(op.name, LAYERS[op.kind](op))
            node = module.graph.call_module(op.name, tuple(x.node for x in inputs))
        else:
            raise ArchError(f"{op.name}: op kind {op.kind!r} can be priced, but not built")
        values.append(fx.Proxy(node, tracer))
    module.graph.output(values[-1].node)
    module.recompile()
    return module
