"""FBNetV3's inverted residual (arXiv:2006.02049).

Source of its SE: the authors' mobile-vision, and timm's `mobilenetv3.py`, whose checkpoints it has.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.blocks.mobilenet import expand
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width, make_divisible

KEEP = 0.95
"""Least part of a squeeze width that rounding to a multiple of 8 may leave."""


@dataclass(frozen=True, slots=True)
class FBNetV3(Row, op="fbnetv3"):
    """Inverted residual with SE squeezed from the block's input width, hard-sigmoid gate."""

    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k: int = 3
    se: float | None = None
    act: str = "hswish"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = expand(g, x, self.exp, self.act)
        h = g.depthwise(h, k=self.k, s=self.s, act=self.act)
        if self.se:
            squeeze = make_divisible(x.c * self.se, keep=KEEP)
            h = g.squeeze_excite(h, squeeze, act=self.act, gate="hsigmoid")
        return g.residual(x, g.conv(h, self.out, name="project"))
