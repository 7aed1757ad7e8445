"""RepGhost's bottleneck (arXiv:2211.06088, figure 4).

A RepGhost module adds what a Ghost module concatenates: a 1 x 1 convolution, normed again, and a
depthwise 3 x 3 convolution of it. `nas.graph.fuse.fuse` merges the sum to one depthwise
convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.blocks.ghostnet import squeezed, with_shortcut
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class RepGhost(Row, op="repghost"):
    """RepGhost module, depthwise if strided, optional SE, linear RepGhost module, shortcut."""

    out: Width = Ratio(1)
    exp: Width = Ratio(2)
    k: int = 3
    se: float | None = None
    act: str = "relu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = repghost_module(g, x, self.exp, self.act, "expand")
        h = g.depthwise(h, k=self.k, s=self.s) if self.s > 1 else h
        h = repghost_module(g, squeezed(g, h, self.se), self.out, "none", "project")
        return with_shortcut(g, x, h, self.k, self.s)


def repghost_module(g: GraphBuilder, x: Value, out: Width, act: str, name: str) -> Value:
    """Sum of a 1 x 1 convolution's batch norm and of a depthwise 3 x 3 convolution of it."""
    with g.scope(name):
        primary = g.conv(x, out, act=act, name="primary")
        cheap = g.depthwise(primary, k=3, name="cheap")
        identity = g.add("batch_norm", (primary,), "identity")
        return g.act(g.add("add", (cheap, identity), "sum"), act)
