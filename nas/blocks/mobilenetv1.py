"""MobileNetV1's depthwise separable convolution (arXiv:1704.04861, figure 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nas.blocks.base import Row
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class DwSeparable(Row):
    """Depthwise convolution, then 1 x 1, each with norm and activation; no residual."""

    op: ClassVar[str] = "dw_separable"
    out: Width = Ratio(1)
    k: int = 3
    act: str = "relu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = g.depthwise(x, k=self.k, s=self.s, act=self.act)
        return g.conv(h, self.out, act=self.act, name="pointwise")
