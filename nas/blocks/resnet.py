"""ResNet's bottleneck (arXiv:1512.03385, figure 5) and its stem's max pooling.

Departs: the stride stands on the 3 x 3 convolution (ResNet v1.5), as in torchvision and timm.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.graph.graph import GraphBuilder, Value
from nas.graph.ops import RESIDUAL
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class Bottleneck(Row, op="bottleneck", relative_to={"exp": "out"}):
    """1 x 1 to the narrow width `exp`, k x k, 1 x 1; the shortcut is projected where shapes differ.

    A ratio of `exp` refers to the output width: a quarter of it in the paper.
    """

    out: Width = Ratio(1)
    exp: Width = Ratio(0.25)
    k: int = 3
    act: str = "relu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = g.conv(x, self.exp, act=self.act, name="reduce")
        h = g.conv(h, self.exp, k=self.k, s=self.s, act=self.act, name="spatial")
        h = g.conv(h, self.out, name="restore")
        role = RESIDUAL
        if h.shape != x.shape:
            role, x = "", g.conv(x, self.out, s=self.s, name="shortcut")
        return g.act(g.add("add", (h, x), "residual", role=role), self.act)


@dataclass(frozen=True, slots=True)
class MaxPool(Row, op="max_pool", stage=False, scale="none"):
    """Maximum over k x k windows."""

    k: int = 3
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.add("max_pool", (x,), "pool", k=self.k, s=self.s)
