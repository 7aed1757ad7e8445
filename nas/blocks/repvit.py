"""RepViT (arXiv:2307.09283): block (figure 3), stem (section 3.2.2) and downsampling (figure 4).

The token mixer is re-parameterisable: depthwise k x k + depthwise 1 x 1 + identity, which
`nas.graph.fuse.fuse` merges to one convolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nas.blocks.base import Row
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width, make_divisible


def token_mixer(g: GraphBuilder, x: Value, k: int, se: float | None) -> Value:
    """Batch norm of (depthwise k x k + depthwise 1 x 1 + identity), then optional SE."""
    with g.scope("token_mixer"):
        a = g.depthwise(x, k=k, name="dw")
        b = g.conv(x, x.c, groups=x.c, norm=False, bias=True, name="dw1")
        h = g.add("add", (g.add("add", (a, b), "branches"), x), "identity")
        h = g.add("batch_norm", (h,), "norm")
    # departs from bneck's SE: squeezed from the width, rounded to 8 without the 90 % rule
    return g.squeeze_excite(h, make_divisible(x.c * se, keep=0)) if se else h


def channel_mixer(g: GraphBuilder, x: Value, exp: Width, act: str) -> Value:
    """1 x 1 expansion, activation, 1 x 1 projection, residual."""
    with g.scope("channel_mixer"):
        h = g.conv(x, exp, act=act, name="expand")
        h = g.conv(h, x.c, name="project")
        return g.shortcut(x, h)


@dataclass(frozen=True, slots=True)
class RepViT(Row):
    """Token mixer, then channel mixer; keeps width and resolution."""

    op: ClassVar[str] = "repvit"
    out: Width = Ratio(1)
    exp: Width = Ratio(2)
    k: int = 3
    se: float | None = None
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        if self.s != 1 or self.out != x.c:
            raise ArchError("repvit keeps width and resolution; use repvit_down to change them")
        return channel_mixer(g, token_mixer(g, x, self.k, self.se), self.exp, self.act)


@dataclass(frozen=True, slots=True)
class RepViTDown(Row):
    """Downsampling: a RepViT block, depthwise stride 2, 1 x 1 to the new width, channel mixer.

    `exp` is the hidden width of the block before, a ratio of its input; the channel mixer after
    uses the same ratio of the new width.
    """

    op: ClassVar[str] = "repvit_down"
    scale: ClassVar[str] = "width"
    out: Width
    exp: Width = Ratio(2)
    k: int = 3
    act: str = "gelu"
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        if self.s != 2:
            raise ArchError("repvit_down has stride 2")
        if self.exp % x.c:
            raise ArchError("repvit_down needs an expansion that is a whole ratio of its input")
        with g.scope("block"):
            h = channel_mixer(g, token_mixer(g, x, self.k, None), self.exp, self.act)
        h = g.depthwise(h, k=self.k, s=2, name="spatial")
        h = g.conv(h, self.out, name="channel")
        return channel_mixer(g, h, self.exp // x.c * self.out, self.act)


@dataclass(frozen=True, slots=True)
class RepViTShallowDown(Row):
    """Downsampling before the paper deepens it: depthwise, optional SE, 1 x 1 and channel mixer.

    A ratio of `exp`, the hidden width of the channel mixer, is of the output width.
    """

    op: ClassVar[str] = "repvit_shallow_down"
    scale: ClassVar[str] = "width"
    relative_to: ClassVar[Mapping[str, str]] = {"exp": "out"}
    out: Width
    exp: Width = Ratio(2)
    k: int = 3
    se: float | None = None
    act: str = "gelu"
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = g.depthwise(x, k=self.k, s=self.s, name="spatial")
        if self.se:
            h = g.squeeze_excite(h, make_divisible(h.c * self.se, keep=0))
        return channel_mixer(g, g.conv(h, self.out, name="channel"), self.exp, self.act)


@dataclass(frozen=True, slots=True)
class RepViTStem(Row):
    """Two 3 x 3 convolutions of stride 2: to half the width, then to the width."""

    op: ClassVar[str] = "repvit_stem"
    scale: ClassVar[str] = "width"
    out: Width
    act: str = "gelu"
    s: int = 4

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        if self.s != 4 or self.out % 2:
            raise ArchError("repvit_stem has stride 4 and an even width")
        h = g.conv(x, self.out // 2, k=3, s=2, act=self.act, name="conv1")
        return g.conv(h, self.out, k=3, s=2, name="conv2")
