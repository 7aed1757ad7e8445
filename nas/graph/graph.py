"""A network as primitive ops with static shapes, and the builder that blocks lower into.

Params, MACs, memory, latency, torch modules and exports are folds over this one representation: a
tuple of ops in execution order, whose inputs are indices into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from nas.errors import ArchError, UnknownNameError
from nas.graph.ops import ACTIVATIONS, GATE, KINDS, RESIDUAL, Op, Shape
from nas.graph.widths import Width


@dataclass(frozen=True, slots=True)
class Graph:
    """Ops in execution order; `ops[0]` is the input, `ops[-1]` the output of a whole network."""

    ops: tuple[Op, ...]
    resolution: Any
    """Height of the network's input image, from which the stride of a single row follows."""
    waiting: Any = 0
    """Elements that rows above keep for a row below; they stay alive throughout."""
    out: int = -1
    """Index of the op whose value the rows below read."""

    def consumers(self) -> list[list[int]]:
        """Indices of the ops that read each op."""
        readers: list[list[int]] = [[] for _ in self.ops]
        for index, op in enumerate(self.ops):
            for source in op.inputs:
                readers[source].append(index)
        return readers

    @property
    def shape(self) -> Shape:
        """Shape of the output."""
        return self.ops[self.out].shape


class Place(NamedTuple):
    """What a row depends on besides its own fields."""

    shape: Shape
    """Shape that reaches the row."""
    resolution: Any
    """Height of the network's input image."""
    kept: Any = 0
    """Channels that rows above keep for a row below."""


class Value(NamedTuple):
    """The output of an op while a graph is built."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody wants here
    """Index of the op; `OUTSIDE` for a value of a row that is not lowered here."""
    shape: Shape

    @property
    def c(self) -> Width:
        """Channels (first dimension)."""
        return self.shape[0]


LAYER_SCALE = 1e-6
"""Initial layer scale (ConvNeXt, arXiv:2201.03545, appendix A.1)."""

OUTSIDE = -1

Kept = tuple[Value, ...]
"""Vectors (C, 1, 1) that earlier rows keep for a later row, in order."""


def outside(channels: Width) -> Kept:
    """`channels` that rows keep which are not lowered here."""
    return (Value(OUTSIDE, (channels, 1, 1)),)


def kept_channels(kept: Kept) -> Any:
    """Channels of all kept vectors together."""
    return sum(value.c for value in kept)


class GraphBuilder:
    """Appends ops, infers their shapes, and names them after the scope they are added in."""

    def __init__(self, shape: Shape, resolution: Any = None) -> None:
        """Start with an input of `shape`; `resolution` is the image's if this is a part below."""
        self._ops: list[Op] = []
        self._scope: list[str] = []
        self.row = -1
        self.resolution = shape[1] if resolution is None else resolution
        self.input = self.add("input", (), "input", shape=shape)

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Ops added inside get `name.` in front of their own."""
        self._scope.append(name)
        yield
        self._scope.pop()

    def add(
        self, kind: str, inputs: tuple[Value, ...], name: str, *, role: str = "", **attrs: Any
    ) -> Value:
        """Append one op; its shape follows from `KINDS[kind].shape`.

        Raises:
            ArchError: the inputs' shapes do not fit the op.
        """
        in_shapes = tuple(value.shape for value in inputs)
        shape = KINDS[kind].shape(attrs, in_shapes)
        path = ".".join((*self._scope, name))
        indices = tuple(value.index for value in inputs)
        self._ops.append(Op(kind, path, self.row, indices, in_shapes, shape, attrs, role))
        return Value(len(self._ops) - 1, shape)

    def graph(self, out: Value | None = None, kept: Kept = ()) -> Graph:
        """All ops so far; rows below read `out` (by default the last op) and `kept`."""
        waiting = sum(value.c for value in kept if value.index == OUTSIDE)
        index = -1 if out is None else out.index
        return Graph(tuple(self._ops), self.resolution, waiting, index)

    def inside(self, value: Value, x: Value) -> Value:
        """A kept value; zeros, one for each image of `x`, if the row that made it is not here."""
        if value.index != OUTSIDE:
            return value
        zeros = partial(np.zeros, value.shape)
        return self.add("constant", (x,), "kept", shape=value.shape, values=zeros)

    # parts of blocks --------------------------------------------------------------------------

    def conv(
        self,
        x: Value,
        out: Width,
        *,
        k: int = 1,
        s: int = 1,
        groups: Width = 1,
        norm: bool = True,
        bias: bool = False,
        act: str = "none",
        name: str = "conv",
    ) -> Value:
        """Convolution padded by k // 2, batch norm (unless norm=False) and activation."""
        with self.scope(name):
            h = self.add("conv", (x,), "conv", out=out, k=k, s=s, groups=groups, bias=bias)
            h = self.add("batch_norm", (h,), "norm") if norm else h
            return self.act(h, act)

    def depthwise(
        self,
        x: Value,
        *,
        k: int,
        s: int = 1,
        norm: bool = True,
        bias: bool = False,
        act: str = "none",
        name: str = "depthwise",
    ) -> Value:
        """Depthwise convolution, batch norm (unless norm=False) and activation."""
        options = {"norm": norm, "bias": bias}
        return self.conv(x, x.c, k=k, s=s, groups=x.c, act=act, name=name, **options)

    def linear(
        self, x: Value, out: Width, *, bias: bool = True, act: str = "none", name: str = "linear"
    ) -> Value:
        """Linear on the last dimension, and activation."""
        with self.scope(name):
            return self.act(self.add("linear", (x,), "linear", out=out, bias=bias), act)

    def act(self, x: Value, fn: str) -> Value:
        """Activation; `none` adds no op."""
        if fn == "none":
            return x
        if fn not in ACTIVATIONS:
            raise UnknownNameError("activation", fn, ACTIVATIONS)
        return self.add("act", (x,), "act", fn=fn)

    def squeeze_excite(
        self,
        x: Value,
        squeeze: Width,
        *,
        norm: bool = False,
        act: str = "relu",
        gate: str = "sigmoid",
    ) -> Value:
        """Squeeze-and-excitation (arXiv:1709.01507) with `squeeze` hidden channels."""
        with self.scope("se"):
            h = self.add("global_pool", (x,), "pool")
            h = self.conv(h, squeeze, norm=norm, bias=True, act=act, name="reduce")
            h = self.conv(h, x.c, norm=False, bias=True, act=gate, name="expand")
            return self.add("mul", (x, h), "scale", role=GATE)

    def residual(self, x: Value, h: Value) -> Value:
        """Add the shortcut x to its branch h if their shapes agree; otherwise return h."""
        return self.shortcut(x, h) if x.shape == h.shape else h

    def shortcut(self, x: Value, h: Value, name: str = "residual") -> Value:
        """Add the shortcut x to its branch h, which was computed from it."""
        return self.add("add", (x, h), name, role=RESIDUAL)

    def layer_scale(
        self, x: Value, fill: float = LAYER_SCALE, *, name: str = "layer_scale"
    ) -> Value:
        """Scale each channel of a map by a trained factor that starts at `fill`."""
        return self.add("scale", (x,), name, size=x.c, fill=fill)

    def layer_norm(self, x: Value, *, eps: float = 1e-5, name: str = "norm") -> Value:
        """Layer norm on the last dimension."""
        return self.add("layer_norm", (x,), name, eps=eps)

    def channels_last(self, x: Value) -> Value:
        """(C, H, W) -> (H, W, C)."""
        return self.add("permute", (x,), "channels_last", dims=(1, 2, 0))

    def channels_first(self, x: Value) -> Value:
        """(H, W, C) -> (C, H, W)."""
        return self.add("permute", (x,), "channels_first", dims=(2, 0, 1))

    def map_norm(self, x: Value, *, eps: float = 1e-5) -> Value:
        """Layer norm over the channels of a map."""
        return self.channels_first(self.layer_norm(self.channels_last(x), eps=eps))

    def tokens(self, x: Value) -> Value:
        """(C, H, W) -> (H * W, C)."""
        c, h, w = x.shape
        x = self.add("reshape", (x,), "flatten", shape=(c, h * w))
        return self.add("permute", (x,), "to_tokens", dims=(1, 0))

    def from_tokens(self, x: Value, h: Width, w: Width) -> Value:
        """(H * W, C) -> (C, H, W)."""
        x = self.add("permute", (x,), "to_channels", dims=(1, 0))
        return self.add("reshape", (x,), "to_map", shape=(x.c, h, w))

    def param(
        self, shape: Shape, *, name: str, like: Value | None = None, fill: float | None = None
    ) -> Value:
        """A trained tensor that all images share; with `like`, repeated for each image of it.

        Its initial values are `fill`, or random.
        """
        inputs = () if like is None else (like,)
        return self.add("param", inputs, name, shape=shape, fill=fill)

    def attention(
        self,
        x: Value,
        heads: int,
        *,
        bias: Value | None = None,
        qkv_bias: bool = True,
        name: str = "attention",
    ) -> Value:
        """Multi-head self-attention over (..., N, C); the output projection has a bias.

        `bias` is added to the scores (..., heads, N, N).
        """
        *lead, n, c = x.shape
        if c % heads:
            raise ArchError(f"{c} channels do not divide in {heads} heads")
        nd = len(lead)
        with self.scope(name):
            h = self.linear(x, 3 * c, bias=qkv_bias, name="qkv")
            h = self.add("reshape", (h,), "heads", shape=(*lead, n, 3, heads, c // heads))
            dims = (nd + 1, *range(nd), nd + 2, nd, nd + 3)
            h = self.add("permute", (h,), "to_heads", dims=dims)
            qkv = tuple(self.add("select", (h,), part, index=i) for i, part in enumerate("qkv"))
            h = self.add("attention", qkv if bias is None else (*qkv, bias), "attend")
            h = self.add("permute", (h,), "from_heads", dims=(*range(nd), nd + 1, nd, nd + 2))
            h = self.add("reshape", (h,), "merge", shape=(*lead, n, c))
            return self.linear(h, c, name="project")

    def mlp(self, x: Value, ffn: Width, *, act: str, eps: float = 1e-5) -> Value:
        """Second half of a pre-norm transformer layer: norm, two linear layers and residual."""
        h = self.layer_norm(x, eps=eps, name="norm2")
        h = self.linear(h, ffn, act=act, name="ffn1")
        h = self.linear(h, x.shape[-1], name="ffn2")
        return self.shortcut(x, h, "residual2")

    def transformer(
        self, x: Value, *, heads: int, ffn: Width, act: str, name: str, eps: float = 1e-5
    ) -> Value:
        """Pre-norm transformer layer: attention and a two-layer MLP, each with a residual."""
        with self.scope(name):
            h = self.layer_norm(x, eps=eps, name="norm1")
            h = self.attention(h, heads)
            x = self.shortcut(x, h, "residual1")
            return self.mlp(x, ffn, act=act, eps=eps)
