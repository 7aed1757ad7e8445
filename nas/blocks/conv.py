"""Plain rows: convolution, global pooling and linear layers, as in every family's stem and head."""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class Conv(Row, op="conv", stage=False, scale="width"):
    """k x k convolution, batch norm, activation (default none)."""

    out: Width
    k: int = 3
    act: str = "none"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.conv(x, self.out, k=self.k, s=self.s, act=self.act)


@dataclass(frozen=True, slots=True)
class ConvDown(Row, op="conv_down", scale="width"):
    """k x k convolution, batch norm: the first row of a stage."""

    out: Width
    k: int = 3
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.conv(x, self.out, k=self.k, s=self.s)


@dataclass(frozen=True, slots=True)
class BiasedConv(Row, op="biased_conv", stage=False, scale="width"):
    """k x k convolution with bias, batch norm, activation (default none): a stem.

    The norm makes the bias redundant, but checkpoints and published sizes have it.
    """

    out: Width
    k: int = 3
    act: str = "none"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.conv(x, self.out, k=self.k, s=self.s, bias=True, act=self.act)


@dataclass(frozen=True, slots=True)
class BiasedDown(Row, op="biased_down", scale="width"):
    """k x k convolution with bias, batch norm: the first row of a stage."""

    out: Width
    k: int = 3
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.conv(x, self.out, k=self.k, s=self.s, bias=True)


@dataclass(frozen=True, slots=True)
class LayerNorm(Row, op="layer_norm", stage=False):
    """Layer norm over the channels of a map."""

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.map_norm(x)


@dataclass(frozen=True, slots=True)
class Pool(Row, op="pool", stage=False, scale="none"):
    """Global average pooling to a vector."""

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        pooled = g.add("global_pool", (x,), "pool")
        return g.add("reshape", (pooled,), "flatten", shape=(x.c,))


@dataclass(frozen=True, slots=True)
class Linear(Row, op="linear", scale="none", reads_vector=True, classifies=True):
    """Linear with bias on the pooled vector, activation (default none)."""

    out: Width = Ratio(1)
    act: str = "none"

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.linear(x, self.out, act=self.act)


@dataclass(frozen=True, slots=True)
class UnbiasedLinear(Row, op="unbiased_linear", scale="none", reads_vector=True):
    """Linear without bias on the pooled vector, activation (default none)."""

    out: Width = Ratio(1)
    act: str = "none"

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.linear(x, self.out, bias=False, act=self.act)


@dataclass(frozen=True, slots=True)
class NormLinear(Row, op="norm_linear", scale="none", reads_vector=True, classifies=True):
    """Batch norm, then linear with bias: RepViT's and LeViT's classifier."""

    out: Width = Ratio(1)

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.linear(g.add("batch_norm", (x,), "norm"), self.out)
