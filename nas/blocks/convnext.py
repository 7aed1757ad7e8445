"""ConvNeXt (arXiv:2201.03545): block (figure 4), patchify stem, downsampling and classifier.

Layer norms are over channels, with eps 1e-6; the two 1 x 1 convolutions are linear layers on a map
with channels last, as in the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row, check_keeps
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width

EPS = 1e-6


@dataclass(frozen=True, slots=True)
class ConvNeXt(Row, op="convnext"):
    """Depthwise k x k, layer norm, expansion, projection, layer scale, residual."""

    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k: int = 7
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use convnext_down to change them")
        h = g.add("conv", (x,), "depthwise", out=x.c, k=self.k, s=1, groups=x.c, bias=True)
        h = g.layer_norm(g.channels_last(h), eps=EPS)
        h = g.linear(h, self.exp, act=self.act, name="expand")
        h = g.channels_first(g.linear(h, x.c, name="project"))
        return g.shortcut(x, g.layer_scale(h))


@dataclass(frozen=True, slots=True)
class ConvNeXtStem(Row, op="convnext_stem", stage=False, scale="width"):
    """Patchify: s x s convolution of stride s, layer norm."""

    out: Width
    s: int = 4

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.map_norm(_patches(g, x, self.out, self.s), eps=EPS)


@dataclass(frozen=True, slots=True)
class ConvNeXtDown(Row, op="convnext_down", scale="width"):
    """Downsampling: layer norm, s x s convolution of stride s."""

    out: Width
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return _patches(g, g.map_norm(x, eps=EPS), self.out, self.s)


@dataclass(frozen=True, slots=True)
class LayerNormLinear(
    Row, op="layer_norm_linear", scale="none", reads_vector=True, classifies=True
):
    """Layer norm (eps 1e-6), then linear with bias: ConvNeXt's classifier."""

    out: Width = Ratio(1)

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.linear(g.layer_norm(x, eps=EPS), self.out)


def _patches(g: GraphBuilder, x: Value, out: Width, side: int) -> Value:
    """One vector per patch of side x side pixels."""
    return g.add("conv", (x,), "patches", out=out, k=side, s=side, pad=0, groups=1, bias=True)
