"""PP-LCNet's depthwise separable convolution (arXiv:2109.15099, table 1)."""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width, floored


@dataclass(frozen=True, slots=True)
class LCNet(Row, op="lcnet"):
    """Depthwise, optional SE (hard-sigmoid gate), 1 x 1; no residual."""

    out: Width = Ratio(1)
    k: int = 3
    se: float | None = None
    act: str = "hswish"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = g.depthwise(x, k=self.k, s=self.s, act=self.act)
        if self.se:
            h = g.squeeze_excite(h, floored(x.c * self.se + 0.5), gate="hsigmoid")
        return g.conv(h, self.out, act=self.act, name="pointwise")
