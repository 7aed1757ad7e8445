"""ResNet as the hybrid vision transformer has it (arXiv:2010.11929, section 3.1 and appendix B.1).

It has group norms of 32 groups in place of batch norms, convolutions with standardised weights
(arXiv:1903.10520), TensorFlow's padding, and no fourth stage. It comes from Big Transfer
(arXiv:1912.11370), which activates before each convolution instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.ops import RESIDUAL
from nas.graph.widths import Width

GROUPS = 32


@dataclass(frozen=True, slots=True)
class BiTStem(Row, op="bit_stem", stage=False, scale="width"):
    """7 x 7 convolution of stride 2, then 3 x 3 max pooling of stride 2."""

    out: Width
    s: int = 4

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        if self.s != 4:
            raise ArchError("bit_stem has stride 4")
        x = _conv(g, x, self.out, k=7, s=2, act="relu", name="stem")
        return g.add("max_pool", (x,), "pool", k=3, s=2, pad="same")


@dataclass(frozen=True, slots=True)
class BiT(Row, op="bit"):
    """1 x 1 to a quarter of the width, 3 x 3, 1 x 1; a projected shortcut where shapes differ."""

    out: Width
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        short, narrow = x, self.out // 4
        if self.s != 1 or self.out != x.c:
            short = _conv(g, x, self.out, k=1, s=self.s, act="none", name="shortcut")
        h = _conv(g, x, narrow, k=1, s=1, act="relu", name="reduce")
        h = _conv(g, h, narrow, k=3, s=self.s, act="relu", name="spatial")
        h = _conv(g, h, self.out, k=1, s=1, act="none", name="restore")
        role = RESIDUAL if short is x else ""
        return g.act(g.add("add", (h, short), "residual", role=role), "relu")


def _conv(g: GraphBuilder, x: Value, out: Width, *, k: int, s: int, act: str, name: str) -> Value:
    """Standardised convolution, group norm, activation."""
    if out % GROUPS:
        raise ArchError(f"{out} channels do not divide in {GROUPS} groups of a norm")
    attrs = {"out": out, "k": k, "s": s, "groups": 1, "bias": False}
    with g.scope(name):
        h = g.add("conv", (x,), "conv", **attrs, pad="same", standard=True)
        return g.act(g.add("group_norm", (h,), "norm", groups=GROUPS), act)
