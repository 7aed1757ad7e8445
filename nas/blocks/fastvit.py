"""FastViT (arXiv:2303.14189): blocks (figure 2), patch embedding and the layer before pooling.

What the paper over-parameterises for training is linear in one input, so `nas.graph.fuse.fuse`
merges it to one convolution: the token mixer with its skip connection (section 3.2.1), the two
kernels of a patch embedding, position codes. The stem is MobileOne's. Departs, with the authors'
code: the token mixer is X + scale (DWConv(X) - BN(X)), where equation 2 has X + DWConv(BN(X)).
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row, check_keeps
from nas.blocks.mobileone import over_parameterised
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width, make_divisible

LAYER_SCALE = 1e-5
"""Initial scale of a branch, as in the authors' code."""
KERNEL = 7
"""Side of the large kernels: feed-forward, patch embedding, position codes."""
SMALL = 3
"""Side of the kernel beside the large one of a patch embedding."""


@dataclass(frozen=True, slots=True)
class RepMixer(Row, op="repmixer"):
    """Re-parameterisable k x k token mixer, then the convolutional feed-forward network."""

    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k: int = 3
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use fastvit_down to change them")
        with g.scope("token_mixer"):
            norm = g.add("batch_norm", (x,), "norm")
            with g.scope("mixer"):
                h = over_parameterised(g, x, x.c, self.k, 1, x.c, 1)
            h = g.layer_scale(g.add("sub", (h, norm), "difference"), LAYER_SCALE)
            h = g.add("add", (h, x), "identity")
        return feed_forward(g, h, self.exp, KERNEL, self.act)


@dataclass(frozen=True, slots=True)
class ConvFFN(Row, op="conv_ffn"):
    """The convolutional feed-forward network alone."""

    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k: int = KERNEL
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use fastvit_down to change them")
        return feed_forward(g, x, self.exp, self.k, self.act)


@dataclass(frozen=True, slots=True)
class FastViTAttention(Row, op="fastvit_attention"):
    """Self-attention behind a batch norm, then the convolutional feed-forward network."""

    heads: int
    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use fastvit_down to change them")
        _, height, width = x.shape
        h = g.tokens(g.add("batch_norm", (x,), "norm"))
        h = g.attention(h, self.heads, qkv_bias=False)
        h = g.layer_scale(g.from_tokens(h, height, width), LAYER_SCALE)
        return feed_forward(g, g.shortcut(x, h), self.exp, KERNEL, self.act)


@dataclass(frozen=True, slots=True)
class ConditionalPosition(Row, op="conditional_position", scale="none"):
    """Conditional position codes (arXiv:2102.10882): depthwise k x k with bias, added."""

    k: int = KERNEL

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        codes = g.depthwise(x, k=self.k, norm=False, bias=True, name="codes")
        return g.add("add", (codes, x), "identity")


@dataclass(frozen=True, slots=True)
class FastViTDown(Row, op="fastvit_down", scale="width"):
    """Patch embedding: k x k in groups of one channel beside 3 x 3, then 1 x 1, activation."""

    out: Width
    k: int = KERNEL
    act: str = "gelu"
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        large, small = (
            g.conv(x, self.out, k=k, s=self.s, groups=x.c, name=name)
            for name, k in (("large", self.k), ("small", SMALL))
        )
        h = g.add("add", (large, small), "patches")
        with g.scope("pointwise"):
            return g.act(over_parameterised(g, h, self.out, 1, 1, 1, 1), self.act)


@dataclass(frozen=True, slots=True)
class FastViTHead(Row, op="fastvit_head", stage=False, scale="width"):
    """Re-parameterisable k x k in groups of one channel, to twice the width, SE, activation."""

    out: Width = Ratio(2)
    k: int = 3
    se: float | None = 0.0625
    act: str = "gelu"

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = over_parameterised(g, x, self.out, self.k, 1, x.c, 1)
        if self.se:
            h = g.squeeze_excite(h, make_divisible(h.c * self.se, divisor=1, keep=0))
        return g.act(h, self.act)


def feed_forward(g: GraphBuilder, x: Value, exp: Width, k: int, act: str) -> Value:
    """Depthwise k x k, batch norm, 1 x 1 expansion, 1 x 1 projection, layer scale, residual."""
    with g.scope("ffn"):
        h = g.depthwise(x, k=k)
        h = g.conv(h, exp, norm=False, bias=True, act=act, name="expand")
        h = g.conv(h, x.c, norm=False, bias=True, name="project")
        return g.shortcut(x, g.layer_scale(h, LAYER_SCALE))
