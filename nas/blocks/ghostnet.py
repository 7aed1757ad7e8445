"""GhostNet's bottleneck (arXiv:1911.11907) with Ghost modules, as in timm's `ghostnet.py`.

A Ghost module makes half of its channels by a 1 x 1 convolution, the others from these by a cheap
depthwise 3 x 3 convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width, make_divisible


@dataclass(frozen=True, slots=True)
class GhostNet(Row, op="ghostnet"):
    """Ghost module, depthwise if strided, optional SE, linear Ghost module, shortcut."""

    out: Width = Ratio(1)
    exp: Width = Ratio(2)
    k: int = 3
    se: float | None = None
    act: str = "relu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = ghost_module(g, x, self.exp, self.act, "expand")
        h = g.depthwise(h, k=self.k, s=self.s) if self.s > 1 else h
        h = ghost_module(g, squeezed(g, h, self.se), self.out, "none", "project")
        return with_shortcut(g, x, h, self.k, self.s)


def ghost_module(g: GraphBuilder, x: Value, out: Width, act: str, name: str) -> Value:
    """Half of `out` channels from a 1 x 1 convolution, and a depthwise 3 x 3 convolution of it."""
    with g.scope(name):
        primary = g.conv(x, (out + 1) // 2, act=act, name="primary")
        cheap = g.depthwise(primary, k=3, act=act, name="cheap")
        return joined(g, primary, cheap, out)


def joined(g: GraphBuilder, primary: Value, cheap: Value, out: Width) -> Value:
    """Both halves of a Ghost module; one channel less if `out` is odd."""
    both = g.add("concat", (primary, cheap), "concat")
    if both.c == out:
        return both
    return g.add("slice", (both,), "slice", dim=0, start=0, size=out)


def squeezed(g: GraphBuilder, x: Value, se: float | None) -> Value:
    """Optional SE with a hard-sigmoid gate; its width is a multiple of 4."""
    return g.squeeze_excite(x, make_divisible(x.c * se, 4), gate="hsigmoid") if se else x


def with_shortcut(g: GraphBuilder, x: Value, h: Value, k: int, s: int) -> Value:
    """Add x to its branch h; if shapes differ, through a depthwise and a 1 x 1 convolution."""
    if x.shape == h.shape:
        return g.shortcut(x, h)
    with g.scope("shortcut"):
        x = g.conv(g.depthwise(x, k=k, s=s), h.c, name="pointwise")
    return g.add("add", (x, h), "residual")
