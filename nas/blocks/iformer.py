"""iFormer (arXiv:2501.15369): ConvNeXt's block with batch norms, single-head modulation attention.

One head attends to sigmoid-activated values, and a gate modulates what it finds. Queries and keys
are narrower than the map (`dim`) by the ratio R, which figure 4 sets to 2, and the authors'
`models/iformer.py` to 4 in the last stage. Depthwise positions merge with their residual
(`nas.graph.fuse.fuse`).
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row, check_keeps
from nas.blocks.shvit import feed_forward, local
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class BNConvNeXt(Row, op="bn_convnext"):
    """Depthwise k x k, 1 x 1 expansion, 1 x 1 projection, residual (figure 4).

    MobileNetV4's `uib` has the same layers with `k_start` alone.
    """

    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k: int = 7
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use conv_down to change them")
        h = g.conv(g.depthwise(x, k=self.k), self.exp, act=self.act, name="expand")
        return g.shortcut(x, g.conv(h, x.c, name="project"))


@dataclass(frozen=True, slots=True)
class SHMA(Row, op="shma"):
    """Depthwise k x k as position, modulation attention, feed-forward; each a residual."""

    out: Width = Ratio(1)
    dim: Width = Ratio(0.5)
    exp: Width = Ratio(3)
    k: int = 3
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use conv_down to change them")
        h = local(g, x, self.k)
        h = g.shortcut(h, modulation_attention(g, h, self.dim), "residual")
        return feed_forward(g, h, self.exp, self.act)


def modulation_attention(g: GraphBuilder, x: Value, dim: Width) -> Value:
    """Attention of one head with queries and keys of `dim` channels, gated, and a projection."""
    c, height, width = x.shape
    with g.scope("attention"):
        q, k = (_tokens(g, g.conv(x, dim, name=name), name) for name in ("query", "key"))
        h = g.conv(x, 2 * c, act="sigmoid", name="value_gate")
        v = _tokens(g, g.add("slice", (h,), "values", start=0, size=c, dim=0), "value")
        gate = g.add("slice", (h,), "gate", start=c, size=c, dim=0)
        h = g.from_tokens(g.add("attention", (q, k, v), "attend"), height, width)
        return g.conv(g.add("mul", (h, gate), "modulate"), c, name="project")


def _tokens(g: GraphBuilder, x: Value, name: str) -> Value:
    with g.scope(name):
        return g.tokens(x)
