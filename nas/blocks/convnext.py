"""ConvNeXt (arXiv:2201.03545): block (figure 4), patchify stem, downsampling and classifier.

Layer norms are over channels, with eps 1e-6; the two 1 x 1 convolutions are linear layers on a map
with channels last, as in the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nas.blocks.base import Row
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width

EPS = 1e-6


@dataclass(frozen=True, slots=True)
class ConvNeXt(Row):
    """Depthwise k x k, layer norm, expansion, projection, layer scale, residual."""

    op: ClassVar[str] = "convnext"
    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k: int = 7
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        if self.s != 1 or self.out != x.c:
            raise ArchError("convnext keeps width and resolution; use convnext_down to change them")
        h = g.add("conv", (x,), "depthwise", out=x.c, k=self.k, s=1, groups=x.c, bias=True)
        h = g.add("permute", (h,), "channels_last", dims=(1, 2, 0))
        h = g.add("layer_norm", (h,), "norm", eps=EPS)
        h = g.linear(h, self.exp, act=self.act, name="expand")
        h = g.linear(h, x.c, name="project")
        h = g.add("permute", (h,), "channels_first", dims=(2, 0, 1))
        h = g.add("scale", (h,), "layer_scale", size=x.c)
        return g.shortcut(x, h)


@dataclass(frozen=True, slots=True)
class ConvNeXtStem(Row):
    """Patchify: s x s convolution of stride s, layer norm."""

    op: ClassVar[str] = "convnext_stem"
    scale: ClassVar[str] = "width"
    out: Width
    s: int = 4

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return _norm(g, _patches(g, x, self.out, self.s))


@dataclass(frozen=True, slots=True)
class ConvNeXtDown(Row):
    """Downsampling: layer norm, s x s convolution of stride s."""

    op: ClassVar[str] = "convnext_down"
    scale: ClassVar[str] = "width"
    out: Width
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return _patches(g, _norm(g, x), self.out, self.s)


@dataclass(frozen=True, slots=True)
class LayerNormLinear(Row):
    """Layer norm (eps 1e-6), then linear with bias: ConvNeXt's classifier."""

    op: ClassVar[str] = "layer_norm_linear"
    scale: ClassVar[str] = "none"
    reads_vector: ClassVar[bool] = True
    classifies: ClassVar[bool] = True
    out: Width = Ratio(1)

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = g.add("layer_norm", (x,), "norm", eps=EPS)
        return g.linear(h, self.out)


def _patches(g: GraphBuilder, x: Value, out: Width, side: int) -> Value:
    """One vector per patch of side x side pixels."""
    return g.add("conv", (x,), "patches", out=out, k=side, s=side, pad=0, groups=1, bias=True)


def _norm(g: GraphBuilder, x: Value) -> Value:
    """Layer norm over the channels of a map."""
    x = g.add("permute", (x,), "channels_last", dims=(1, 2, 0))
    x = g.add("layer_norm", (x,), "norm", eps=EPS)
    return g.add("permute", (x,), "channels_first", dims=(2, 0, 1))
