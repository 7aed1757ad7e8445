"""MobileNetV4 (arXiv:2404.10518): its inverted bottlenecks, Mobile MQA and the head.

Widths and layer scales follow timm's networks. Departs: the paper's attention may also reduce the
map of the queries; no published network does, so here only keys and values have a stride.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row, check_keeps
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width

LAYER_SCALE = 1e-5
"""Initial layer scale of attention, as in the authors' code."""
KEY_KERNEL = 3
"""Kernel of the depthwise convolution that reduces the map of keys and values (equation 1)."""


@dataclass(frozen=True, slots=True)
class UIB(Row, op="uib"):
    """Universal inverted bottleneck (figure 4): expansion, projection, two optional depthwise.

    With neither it is a feed-forward network, with `k_mid` alone an inverted bottleneck, with
    `k_start` alone like ConvNeXt's block, with both the paper's ExtraDW. The last depthwise
    convolution has the stride.
    """

    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k_start: int | None = None
    k_mid: int | None = None
    act: str = "relu"
    layer_scale: float | None = None
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        if self.s != 1 and not self.k_start and not self.k_mid:
            raise ArchError("uib needs a depthwise convolution, k_start or k_mid, for its stride")
        h = x
        if self.k_start:
            h = g.depthwise(h, k=self.k_start, s=1 if self.k_mid else self.s, name="start")
        h = g.conv(h, self.exp, act=self.act, name="expand")
        if self.k_mid:
            h = g.depthwise(h, k=self.k_mid, s=self.s, act=self.act, name="mid")
        h = g.conv(h, self.out, name="project")
        if self.layer_scale:
            h = g.layer_scale(h, self.layer_scale)
        return g.residual(x, h)


@dataclass(frozen=True, slots=True)
class FusedIB(Row, op="fused_ib"):
    """FusedIB of Conv-S (table 11): k x k expansion, 1 x 1, an activation behind each.

    That of the other networks is EfficientNetV2's (`fused_mbconv`), as in the authors' code.
    """

    out: Width = Ratio(1)
    exp: Width = Ratio(1)
    k: int = 3
    act: str = "relu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = g.conv(x, self.exp, k=self.k, s=self.s, act=self.act, name="expand")
        return g.conv(h, self.out, act=self.act, name="project")


@dataclass(frozen=True, slots=True)
class MobileMQA(Row, op="mobile_mqa"):
    """Mobile multi-query attention (section 3.2): all heads share one key and one value.

    Batch norm, attention, projection, layer scale, residual. `dim` is the width of the queries of
    all heads together; key and value have the width of one head, and a map smaller by `kv_stride`.
    """

    dim: Width
    heads: int
    kv_stride: int = 1
    out: Width = Ratio(1)
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use uib to change them")
        if self.dim % self.heads:
            raise ArchError(f"{self.dim} channels do not divide in {self.heads} heads")
        h = self._attention(g, g.add("batch_norm", (x,), "norm"))
        h = g.conv(h, x.c, norm=False, name="project")
        return g.shortcut(x, g.layer_scale(h, LAYER_SCALE))

    def _attention(self, g: GraphBuilder, x: Value) -> Value:
        """Queries (heads, H * W, dim / heads) over one key and value, to a map (dim, H, W)."""
        _, height, width = x.shape
        pixels, key_dim = height * width, self.dim // self.heads
        q = g.conv(x, self.dim, norm=False, name="query")
        q = g.add("reshape", (q,), "heads", shape=(self.heads, key_dim, pixels))
        q = g.add("permute", (q,), "to_queries", dims=(0, 2, 1))
        k, v = self._shared(g, x, key_dim, "key"), self._shared(g, x, key_dim, "value")
        h = g.add("attention", (q, k, v), "attend")
        h = g.add("permute", (h,), "from_queries", dims=(0, 2, 1))
        return g.add("reshape", (h,), "to_map", shape=(self.dim, height, width))

    def _shared(self, g: GraphBuilder, x: Value, key_dim: Width, name: str) -> Value:
        """Key or value of all heads, (1, H * W / kv_stride^2, dim / heads)."""
        with g.scope(name):
            if self.kv_stride > 1:
                x = g.depthwise(x, k=KEY_KERNEL, s=self.kv_stride, name="reduce")
            x = g.tokens(g.conv(x, key_dim, norm=False, name="project"))
            return g.add("reshape", (x,), "share", shape=(1, *x.shape))


@dataclass(frozen=True, slots=True)
class LinearNorm(Row, op="linear_norm", scale="none", reads_vector=True):
    """Linear without bias, batch norm and activation (default none) on the pooled vector."""

    out: Width = Ratio(1)
    act: str = "none"

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = g.add("linear", (x,), "linear", out=self.out, bias=False)
        return g.act(g.add("batch_norm", (h,), "norm"), self.act)
