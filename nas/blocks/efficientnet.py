"""EfficientNet's MBConv (arXiv:1905.11946) and EfficientNetV2's Fused-MBConv (arXiv:2104.00298).

Departs: Fused-MBConv has no SE although figure 2 of the V2 paper draws one: its table 4 and its
reference code have none.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.blocks.mobilenet import expand
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width, floored


@dataclass(frozen=True, slots=True)
class MBConv(Row, op="mbconv"):
    """Inverted residual with SE squeezed from the block's input width, sigmoid gate."""

    out: Width = Ratio(1)
    exp: Width = Ratio(6)
    k: int = 3
    se: float | None = None
    act: str = "silu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = expand(g, x, self.exp, self.act)
        h = g.depthwise(h, k=self.k, s=self.s, act=self.act)
        if self.se:
            h = g.squeeze_excite(h, floored(x.c * self.se + 0.5), act=self.act)
        return g.residual(x, g.conv(h, self.out, name="project"))


@dataclass(frozen=True, slots=True)
class FusedMBConv(Row, op="fused_mbconv"):
    """Expansion and depthwise fused to a k x k convolution; one conv if `exp` equals the input."""

    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k: int = 3
    act: str = "silu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        if self.exp == x.c:
            return g.residual(x, g.conv(x, self.out, k=self.k, s=self.s, act=self.act))
        h = g.conv(x, self.exp, k=self.k, s=self.s, act=self.act, name="expand")
        return g.residual(x, g.conv(h, self.out, name="project"))
