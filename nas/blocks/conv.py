"""Plain rows: convolution, global pooling and linear layers, as in every family's stem and head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nas.blocks.base import Row
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class Conv(Row):
    """k x k convolution, batch norm, activation (default none)."""

    op: ClassVar[str] = "conv"
    scale: ClassVar[str] = "width"
    out: Width
    k: int = 3
    act: str = "none"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.conv(x, self.out, k=self.k, s=self.s, act=self.act)


@dataclass(frozen=True, slots=True)
class LayerNorm(Row):
    """Layer norm over the channels of a map."""

    op: ClassVar[str] = "layer_norm"

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        x = g.add("permute", (x,), "channels_last", dims=(1, 2, 0))
        return g.add("permute", (g.layer_norm(x),), "channels_first", dims=(2, 0, 1))


@dataclass(frozen=True, slots=True)
class Pool(Row):
    """Global average pooling to a vector."""

    op: ClassVar[str] = "pool"
    scale: ClassVar[str] = "none"

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        pooled = g.add("global_pool", (x,), "pool")
        return g.add("reshape", (pooled,), "flatten", shape=(x.c,))


@dataclass(frozen=True, slots=True)
class Linear(Row):
    """Linear with bias on the pooled vector, activation (default none)."""

    op: ClassVar[str] = "linear"
    scale: ClassVar[str] = "none"
    reads_vector: ClassVar[bool] = True
    classifies: ClassVar[bool] = True
    out: Width = Ratio(1)
    act: str = "none"

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.linear(x, self.out, act=self.act)


@dataclass(frozen=True, slots=True)
class NormLinear(Row):
    """Batch norm, then linear with bias: RepViT's and LeViT's classifier."""

    op: ClassVar[str] = "norm_linear"
    scale: ClassVar[str] = "none"
    reads_vector: ClassVar[bool] = True
    classifies: ClassVar[bool] = True
    out: Width = Ratio(1)

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = g.add("batch_norm", (x,), "norm")
        return g.linear(h, self.out)
