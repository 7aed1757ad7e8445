"""GhostNetV2's bottleneck (arXiv:2211.12905): a Ghost module with attention.

Decoupled fully connected (DFC) attention gates the Ghost module that expands. It mixes pixels along
rows and columns, on a map of half the resolution. Source: the authors'
`ghostnetv2_pytorch/model/ghostnetv2_torch.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.blocks.ghostnet import ghost_module, squeezed, with_shortcut
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width

DFC_KERNEL = 5
"""Pixels of a row or column that DFC attention mixes, as in the authors' code."""


@dataclass(frozen=True, slots=True)
class GhostNetV2(Row, op="ghostnetv2"):
    """`ghostnet` whose first Ghost module is gated by DFC attention."""

    out: Width = Ratio(1)
    exp: Width = Ratio(2)
    k: int = 3
    se: float | None = None
    act: str = "relu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = dfc_attention(g, x, ghost_module(g, x, self.exp, self.act, "expand"))
        h = g.depthwise(h, k=self.k, s=self.s) if self.s > 1 else h
        h = ghost_module(g, squeezed(g, h, self.se), self.out, "none", "project")
        return with_shortcut(g, x, h, self.k, self.s)


def dfc_attention(g: GraphBuilder, x: Value, h: Value) -> Value:
    """Gate h by x: pooling, 1 x 1, 1 x 5 and 5 x 1 convolutions, sigmoid, nearest pixels."""
    with g.scope("attention"):
        gate = g.add("avg_pool", (x,), "pool", k=2, s=2, pad=0)
        gate = g.conv(gate, h.c, name="pointwise")
        gate = line(g, gate, (1, DFC_KERNEL), "horizontal")
        gate = g.act(line(g, gate, (DFC_KERNEL, 1), "vertical"), "sigmoid")
        gate = g.add("upsample", (gate,), "upsample", size=h.shape[1:])
        return g.add("mul", (h, gate), "scale")


def line(g: GraphBuilder, x: Value, kernel: tuple[int, int], name: str) -> Value:
    """Depthwise convolution with a kernel of one row or column, and batch norm."""
    k, kw = max(kernel), min(kernel)
    depthwise = {"out": x.c, "groups": x.c}
    with g.scope(name):
        h = g.add("conv", (x,), "conv", k=k, kw=kw, kernel=kernel, s=1, bias=False, **depthwise)
        return g.add("batch_norm", (h,), "norm")
