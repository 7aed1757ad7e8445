"""MobileNetV2's inverted residual (arXiv:1801.04381, table 1) and MobileNetV3's (arXiv:1905.02244).

Departs: a block whose expansion equals its input width has no expansion convolution, as in the
reference code of both papers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nas.blocks.base import Row
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width, make_divisible


def expand(g: GraphBuilder, x: Value, exp: Width, act: str) -> Value:
    """1 x 1 expansion to `exp` channels; none if that is the input width."""
    return x if exp == x.c else g.conv(x, exp, act=act, name="expand")


@dataclass(frozen=True, slots=True)
class MV2(Row):
    """MobileNetV2's inverted residual: expand, depthwise, linear projection."""

    op: ClassVar[str] = "mv2"
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
class Bneck(Row):
    """MobileNetV3's bneck: SE inside with a hard-sigmoid gate, squeezed from the expansion."""

    op: ClassVar[str] = "bneck"
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
