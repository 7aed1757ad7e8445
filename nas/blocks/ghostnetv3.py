"""GhostNetV3's bottleneck (arXiv:2404.11202): GhostNetV2's, over-parameterised for training.

Ghost modules and strided convolutions are sums of normalised branches, which
`nas.graph.fuse.fuse` merges. As in the authors' code, a 1 x 1 convolution has no identity branch,
and those of attention and shortcut have one branch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nas.blocks.base import Row
from nas.blocks.ghostnet import joined, squeezed, with_shortcut
from nas.blocks.ghostnetv2 import dfc_attention
from nas.blocks.mobileone import over_parameterised
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class GhostNetV3(Row, op="ghostnetv3"):
    """`ghostnetv2` with `branches` branches in Ghost modules and strided convolutions."""

    out: Width = Ratio(1)
    exp: Width = Ratio(2)
    k: int = 3
    branches: int = 3
    se: float | None = None
    act: str = "relu"
    s: int = 1
    attends: ClassVar[bool] = True
    """DFC attention gates its first Ghost module."""

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = ghost_module(g, x, self.exp, self.branches, self.act, "expand")
        h = dfc_attention(g, x, h) if self.attends else h
        if self.s > 1:
            with g.scope("depthwise"):
                h = over_parameterised(g, h, h.c, self.k, self.s, h.c, self.branches)
        h = squeezed(g, h, self.se)
        h = ghost_module(g, h, self.out, self.branches, "none", "project")
        return with_shortcut(g, x, h, self.k, self.s)


@dataclass(frozen=True, slots=True)
class GhostNetV3Plain(GhostNetV3, op="ghostnetv3_plain"):
    """As `ghostnetv3`, without attention: the first two blocks of the network."""

    attends: ClassVar[bool] = False


def ghost_module(
    g: GraphBuilder, x: Value, out: Width, branches: int, act: str, name: str
) -> Value:
    """`nas.blocks.ghostnet.ghost_module` of over-parameterised convolutions."""
    half = (out + 1) // 2
    with g.scope(name):
        with g.scope("primary"):
            h = over_parameterised(g, x, half, 1, 1, 1, branches, identity=False)
            primary = g.act(h, act)
        with g.scope("cheap"):
            cheap = g.act(over_parameterised(g, primary, half, 3, 1, half, branches), act)
        return joined(g, primary, cheap, out)
