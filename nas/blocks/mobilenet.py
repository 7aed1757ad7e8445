"""MobileNet's depthwise separable convolution (V1) and inverted residuals (V2 and V3).

Sources: arXiv:1704.04861, figure 3; arXiv:1801.04381, table 1; arXiv:1905.02244. Departs: a block
whose expansion equals its input width has no expansion convolution, as in the reference code.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width, make_divisible


def expand(g: GraphBuilder, x: Value, exp: Width, act: str) -> Value:
    """1 x 1 expansion to `exp` channels; none if that is the input width."""
    return x if exp == x.c else g.conv(x, exp, act=act, name="expand")


@dataclass(frozen=True, slots=True)
class DwSeparable(Row, op="dw_separable"):
    """Depthwise convolution, then 1 x 1, each with norm and activation; no residual."""

    out: Width = Ratio(1)
    k: int = 3
    act: str = "relu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = g.depthwise(x, k=self.k, s=self.s, act=self.act)
        return g.conv(h, self.out, act=self.act, name="pointwise")


@dataclass(frozen=True, slots=True)
class MV2(Row, op="mv2"):
    """MobileNetV2's inverted residual: expand, depthwise, linear projection."""

    out: Width = Ratio(1)
    exp: Width = Ratio(6)
    k: int = 3
    act: str = "relu6"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = expand(g, x, self.exp, self.act)
        h = g.depthwise(h, k=self.k, s=self.s, act=self.act)
        return g.residual(x, g.conv(h, self.out, name="project"))


@dataclass(frozen=True, slots=True)
class Bneck(Row, op="bneck"):
    """MobileNetV3's bneck: SE inside with a hard-sigmoid gate, squeezed from the expansion."""

    out: Width = Ratio(1)
    exp: Width = Ratio(6)
    k: int = 3
    se: float | None = None
    act: str = "hswish"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = expand(g, x, self.exp, self.act)
        h = g.depthwise(h, k=self.k, s=self.s, act=self.act)
        if self.se:
            h = g.squeeze_excite(h, make_divisible(h.c * self.se), gate="hsigmoid")
        return g.residual(x, g.conv(h, self.out, name="project"))
