"""FasterNet (arXiv:2303.03667, figure 4): partial convolution, which leaves most channels as are.

A quarter of the channels is convolved, the first ones (section 3.2), and the 1 x 1 convolutions
behind it mix all (section 3.3). A width that 4 does not divide rounds the quarter up. Only the
expansion has a norm and an activation (section 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row, check_keeps
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width

PARTS = 4
"""One of so many parts of the channels is convolved: the paper's r = 1/4."""


@dataclass(frozen=True, slots=True)
class FasterNet(Row, op="fasternet"):
    """Partial k x k convolution, 1 x 1 expansion, 1 x 1 projection, residual."""

    out: Width = Ratio(1)
    exp: Width = Ratio(2)
    k: int = 3
    act: str = "relu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use patch_conv to change them")
        h = partial_conv(g, x, self.k)
        h = g.conv(h, self.exp, act=self.act, name="expand")
        return g.shortcut(x, g.conv(h, x.c, norm=False, name="project"))


@dataclass(frozen=True, slots=True)
class PatchConv(Row, op="patch_conv", stage=False, scale="width"):
    """s x s convolution of stride s, batch norm: FasterNet's embedding and merging of patches."""

    out: Width
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        attrs = {"out": self.out, "k": self.s, "s": self.s, "pad": 0, "groups": 1, "bias": False}
        return g.add("batch_norm", (g.add("conv", (x,), "conv", **attrs),), "norm")


def partial_conv(g: GraphBuilder, x: Value, k: int) -> Value:
    """Convolve the first quarter of the channels; the others follow as they are."""
    own = (x.c + PARTS - 1) // PARTS
    with g.scope("partial"):
        h = g.conv(g.add("slice", (x,), "first", start=0, size=own, dim=0), own, k=k, norm=False)
        if own == x.c:
            return h
        rest = g.add("slice", (x,), "rest", start=own, size=x.c - own, dim=0)
        return g.add("concat", (h, rest), "concat")
