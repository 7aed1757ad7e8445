"""The torch layer or call of each op kind, and the `torch.fx.GraphModule` of a graph.

A graph's shapes are per image; the module's tensors have a batch dimension in front. The batch size
is never read (it is the -1 of every reshape), so a module exports with a dynamic batch. Dropout and
stochastic depth are left out, since they are no ops of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.errors import ArchError
from nas.graph.conventions import EPS  # also for layer and group norms whose op states none
from nas.graph.graph import Graph
from nas.graph.ops import KINDS, Op, padding, same_padding

STANDARD_EPS = 1e-8
"""Epsilon added to the variance of standardised weights."""

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hswish": nn.Hardswish,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid,
    "hsigmoid": nn.Hardsigmoid,
}

INNER: dict[str, Callable[[], nn.Module]] = {
    "softmax": lambda: nn.Softmax(dim=-1),
    "softplus": nn.Softplus,
}
"""Activations that blocks use but tables cannot name."""


class SameConv2d(nn.Conv2d):
    """Convolution padded as TensorFlow's "same", for images of one size."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int,
        *,
        sides: tuple[int, ...],
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(
            *(in_channels, out_channels, kernel_size, stride),
            dilation=dilation,
            groups=groups,
            bias=bias,
        )
        self.sides = sides

    def extra_repr(self) -> str:
        sizes = f"{self.in_channels}, {self.out_channels}, {self.kernel_size[0]}, {self.stride[0]}"
        rest = f"dilation={self.dilation[0]}, groups={self.groups}, bias={self.bias is not None}"
        return f"{sizes}, sides={self.sides}, {rest}"

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.sides))


class StandardConv2d(SameConv2d):
    """Convolution whose filters have mean 0 and variance 1 (arXiv:1903.10520)."""

    def forward(self, x: Tensor) -> Tensor:
        x, weight = F.pad(x, self.sides), self.standardised()
        return F.conv2d(x, weight, self.bias, self.stride, 0, self.dilation, self.groups)

    def standardised(self) -> Tensor:
        """The standardised weights."""
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), correction=0, keepdim=True)
        return (self.weight - mean) / (variance + STANDARD_EPS).sqrt()


def _conv(op: Op) -> nn.Module:
    a, (c, h, w) = op.attrs, op.in_shapes[0]
    kernel = a.get("kernel")
    if KINDS["conv"].shape(a, op.in_shapes) != op.shape or ("kw" in a and not kernel):
        raise ArchError(f"{op.name}: a convolution that is not square can be priced, but not built")
    sizes, groups, bias = (c, a["out"], a["k"], a["s"]), a["groups"], a["bias"]
    dilation = a.get("d", 1)
    if a.get("pad") == "same":
        kind = StandardConv2d if a.get("standard") else SameConv2d
        sides = (*same_padding(a, w), *same_padding(a, h))
        return kind(*sizes, sides=sides, dilation=dilation, groups=groups, bias=bias)
    if kernel:
        around = tuple(side // 2 for side in kernel)
        return nn.Conv2d(c, a["out"], kernel, a["s"], around, 1, groups, bias)
    return nn.Conv2d(*sizes, padding(a), dilation, groups, bias)


def _batch_norm(op: Op) -> nn.Module:
    kind = nn.BatchNorm2d if len(op.shape) == 3 else nn.BatchNorm1d
    return kind(op.shape[0], eps=op.attrs.get("eps", EPS))


def _max_pool(op: Op) -> nn.Module:
    a, (_, h, w) = op.attrs, op.in_shapes[0]
    if a.get("pad") != "same":
        return nn.MaxPool2d(a["k"], a["s"], padding(a))
    edge = nn.ConstantPad2d((*same_padding(a, w), *same_padding(a, h)), float("-inf"))
    return nn.Sequential(edge, nn.MaxPool2d(a["k"], a["s"]))


class Scale(nn.Module):
    """Multiplies each channel by a trained factor: the layer scale of CaiT and ConvNeXt."""

    def __init__(self, channels: int, fill: float) -> None:
        super().__init__()
        self.fill = fill
        self.gamma = nn.Parameter(torch.full((channels,), fill))

    def extra_repr(self) -> str:
        return f"{len(self.gamma)}, fill={self.fill}"

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma[:, None, None]


class Param(nn.Module):
    """A trained tensor shared by all images; given images, it is repeated for each."""

    def __init__(self, shape: Sequence[int], fill: float | None) -> None:
        super().__init__()
        self.fill = fill
        self.weight = nn.Parameter(torch.full(tuple(shape), fill or 0.0))

    def extra_repr(self) -> str:
        return f"{tuple(self.weight.shape)}, fill={self.fill}"

    def forward(self, images: Tensor | None = None) -> Tensor:
        return _for_each(images, self.weight)


class Constant(nn.Module):
    """A fixed tensor that follows from the shapes."""

    values: Tensor

    def __init__(self, values: Any) -> None:
        super().__init__()
        tensor = torch.tensor(values, dtype=torch.get_default_dtype())
        self.register_buffer("values", tensor.contiguous(), persistent=False)

    def extra_repr(self) -> str:
        return str(tuple(self.values.shape))

    def forward(self, images: Tensor | None = None) -> Tensor:
        return _for_each(images, self.values)


def _for_each(images: Tensor | None, tensor: Tensor) -> Tensor:
    """Add a batch dimension: of 1 to be broadcast, or one copy for each image."""
    return tensor[None] if images is None else tensor.expand(images.shape[0], *tensor.shape)


class Gather(nn.Module):
    """Rows of a table by a fixed index."""

    index: Tensor

    def __init__(self, index: Any) -> None:
        super().__init__()
        self.register_buffer("index", torch.tensor(index), persistent=False)

    def extra_repr(self) -> str:
        return str(tuple(self.index.shape))

    def forward(self, table: Tensor) -> Tensor:
        return table[:, self.index]


def _attention(op: Op, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """Attention on 4-D tensors, as runtimes require; leading dimensions become heads.

    Queries of heads that share keys and values become one longer sequence.
    """
    (*lead, n, d), (*own, m, _) = op.in_shapes[:2]
    heads = prod(own)
    rows = prod(lead) // heads * n
    q = q.reshape(-1, heads, rows, d)
    k, v = (x.reshape(-1, heads, m, s[-1]) for x, s in zip((k, v), op.in_shapes[1:], strict=False))
    if bias is not None:
        bias = bias.expand(-1, *lead, n, m).reshape(-1, heads, rows, m)
    h = F.scaled_dot_product_attention(q, k, v, bias, scale=op.attrs.get("scale"))
    # the result has q's layout, unless a converter decomposes the op
    return h.contiguous().reshape(-1, *op.shape)


def _slice_dim(op: Op) -> int:
    """Dimension of the batch that a slice cuts."""
    dim: int = op.attrs.get("dim", len(op.shape) - 1) + 1
    return dim


#: op kinds that become a submodule under the op's name
LAYERS: dict[str, Callable[[Op], nn.Module]] = {
    "conv": _conv,
    "linear": lambda op: nn.Linear(op.in_shapes[0][-1], op.attrs["out"], op.attrs["bias"]),
    "batch_norm": _batch_norm,
    "layer_norm": lambda op: nn.LayerNorm(op.shape[-1], eps=op.attrs.get("eps", EPS)),
    "group_norm": lambda op: nn.GroupNorm(op.attrs["groups"], op.shape[0], eps=EPS),
    "scale": lambda op: Scale(op.attrs["size"], op.attrs["fill"]),
    "act": lambda op: (ACTIVATIONS | INNER)[op.attrs["fn"]](),
    "global_pool": lambda op: nn.AdaptiveAvgPool2d(1),
    "avg_pool": lambda op: nn.AvgPool2d(op.attrs["k"], op.attrs["s"], padding(op.attrs)),
    "max_pool": _max_pool,
    "param": lambda op: Param(op.shape, op.attrs["fill"]),
    "constant": lambda op: Constant(op.attrs["values"]()),
    "gather": lambda op: Gather(op.attrs["index"]()),
}

#: op kinds that become plain tensor code, recorded by running it on fx proxies;
#: dimension d of the graph is d + 1 of the batch
CALLS: dict[str, Callable[..., Tensor]] = {
    "add": lambda op, a, b: a + b,
    "sub": lambda op, a, b: a - b,
    "mul": lambda op, a, b: a * b,
    "div": lambda op, a, b: a / b,
    "concat": lambda op, *parts: torch.cat(parts, dim=op.attrs.get("dim", 0) + 1),
    "reshape": lambda op, x: x.reshape(-1, *op.shape),
    "permute": lambda op, x: x.permute(0, *(d + 1 for d in op.attrs["dims"])),
    "select": lambda op, x: x.select(1, op.attrs["index"]),
    "attention": _attention,
    "matmul": lambda op, a, b: a @ b,
    "normalize": lambda op, x: F.normalize(x, dim=-1),
    "roll": lambda op, x: x.roll(op.attrs["shift"], dims=(1, 2)),
    "slice": lambda op, x: x.narrow(_slice_dim(op), op.attrs["start"], op.attrs["size"]),
    "sum": lambda op, x: x.sum(dim=-1, keepdim=True),
    "upsample": lambda op, x: F.interpolate(
        x, size=op.shape[1:], mode=op.attrs.get("mode", "nearest")
    ),
    "unfold": lambda op, x: F.unfold(x, op.attrs["k"], padding=op.attrs["k"] // 2),
}


def assemble(graph: Graph) -> fx.GraphModule:
    """Build the module that executes a graph's ops in order.

    Raises:
        ArchError: an op kind can be traced, but not built.
    """
    module = fx.GraphModule(nn.Module(), fx.Graph(), "Network")
    tracer = fx.proxy.GraphAppendingTracer(module.graph)
    values: list[Any] = []  # fx proxies, which stand in for tensors
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
