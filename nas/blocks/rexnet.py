"""ReXNet's bottleneck (arXiv:2007.00992), whose width grows with every block.

Source of SE and shortcut: the authors' `rexnetv1.py`. SE has a batch norm, and is squeezed to 1/12
of six times the block's input width, so that the column `se`, a part of the input width, is 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.blocks.mobilenet import expand
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width, floored


@dataclass(frozen=True, slots=True)
class ReXNet(Row, op="rexnet"):
    """Expansion (`act`), depthwise, optional SE, ReLU6, projection; see `grown` on the shortcut."""

    out: Width = Ratio(1)
    exp: Width = Ratio(6)
    k: int = 3
    se: float | None = None
    act: str = "silu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = expand(g, x, self.exp, self.act)
        h = g.depthwise(h, k=self.k, s=self.s)
        if self.se:
            h = g.squeeze_excite(h, floored(x.c * self.se), norm=True)
        h = g.conv(g.act(h, "relu6"), self.out, name="project")
        return grown(g, x, h) if self.s == 1 and x.c <= h.c else h


def grown(g: GraphBuilder, x: Value, h: Value) -> Value:
    """Add x to as many first channels of its branch h; h's other channels are new."""
    if x.c == h.c:
        return g.shortcut(x, h)
    old = g.add("slice", (h,), "old", dim=0, start=0, size=x.c)
    new = g.add("slice", (h,), "new", dim=0, start=x.c, size=h.c - x.c)
    return g.add("concat", (g.shortcut(x, old), new), "grow")
