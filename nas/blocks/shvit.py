"""SHViT (arXiv:2401.16456, figure 5 and section 2.4): attention of one head over few channels.

The other channels pass the attention by, and its projection mixes both. The depthwise convolutions
merge with their residuals (`nas.graph.fuse.fuse`). The layer norm before the attention is over
channels and pixels, a group norm of one group, as in the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row, check_keeps
from nas.blocks.repvit import squeezed
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width

QUERY_WIDTH = 16
"""Channels of queries and keys (section 2.3)."""
FFN_RATIO = 2
"""Expansion of the feed-forward networks beside a downsampling (section 2.4)."""


@dataclass(frozen=True, slots=True)
class SHViTConv(Row, op="shvit_conv"):
    """Depthwise k x k, then feed-forward, each with a residual: the block of the first stage."""

    out: Width = Ratio(1)
    exp: Width = Ratio(2)
    k: int = 3
    act: str = "relu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use shvit_down to change them")
        return feed_forward(g, local(g, x, self.k), self.exp, self.act)


@dataclass(frozen=True, slots=True)
class SHViT(Row, op="shvit"):
    """Depthwise k x k, attention over the first `dim` channels, feed-forward; each a residual."""

    out: Width = Ratio(1)
    dim: Width = Ratio(0.214)
    exp: Width = Ratio(2)
    k: int = 3
    act: str = "relu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use shvit_down to change them")
        if self.dim > x.c:
            raise ArchError(f"{self.dim} channels to attend to, but the map has {x.c}")
        h = local(g, x, self.k)
        h = g.shortcut(h, single_head_attention(g, h, self.dim, self.act), "residual")
        return feed_forward(g, h, self.exp, self.act)


@dataclass(frozen=True, slots=True)
class SHViTDown(Row, op="shvit_down", scale="width"):
    """Downsampling: an inverted residual with SE between two blocks of the first stage.

    `exp` is its expansion; the blocks beside it expand by 2.
    """

    out: Width
    exp: Width = Ratio(4)
    k: int = 3
    se: float | None = 0.25
    act: str = "relu"
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        with g.scope("before"):
            h = feed_forward(g, local(g, x, self.k), FFN_RATIO * x.c, self.act)
        h = g.conv(h, self.exp, act=self.act, name="expand")
        h = g.depthwise(h, k=self.k, s=self.s, act=self.act)
        h = g.conv(squeezed(g, h, self.se), self.out, name="project")
        with g.scope("after"):
            return feed_forward(g, local(g, h, self.k), FFN_RATIO * h.c, self.act)


def local(g: GraphBuilder, x: Value, k: int) -> Value:
    """Depthwise k x k and its residual, which fuse to one convolution."""
    with g.scope("local"):
        return g.shortcut(x, g.depthwise(x, k=k))


def feed_forward(g: GraphBuilder, x: Value, exp: Width, act: str) -> Value:
    """1 x 1 expansion, activation, 1 x 1 projection, residual."""
    with g.scope("feed_forward"):
        h = g.conv(x, exp, act=act, name="expand")
        return g.shortcut(x, g.conv(h, x.c, name="project"))


def single_head_attention(g: GraphBuilder, x: Value, dim: Width, act: str) -> Value:
    """Attention of the first `dim` channels (equations 1 to 4), and a projection of all."""
    c, height, width = x.shape
    with g.scope("attention"):
        h = g.add("slice", (x,), "attended", start=0, size=dim, dim=0)
        h = g.conv(g.add("group_norm", (h,), "norm", groups=1), 2 * QUERY_WIDTH + dim, name="qkv")
        h = g.tokens(h)
        q = g.add("slice", (h,), "q", start=0, size=QUERY_WIDTH)
        k = g.add("slice", (h,), "k", start=QUERY_WIDTH, size=QUERY_WIDTH)
        v = g.add("slice", (h,), "v", start=2 * QUERY_WIDTH, size=dim)
        h = g.from_tokens(g.add("attention", (q, k, v), "attend"), height, width)
        if dim != c:
            rest = g.add("slice", (x,), "rest", start=dim, size=c - dim, dim=0)
            h = g.add("concat", (h, rest), "concat")
        return g.conv(g.act(h, act), c, name="project")
