"""RepViT (arXiv:2307.09283): block (figure 3), stem (section 3.2.2) and downsampling (figure 4).

The token mixer is re-parameterisable: depthwise k x k + depthwise 1 x 1 + identity, which
`nas.graph.fuse.fuse` merges to one convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row, check_keeps
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width, make_divisible


def squeezed(g: GraphBuilder, x: Value, se: float | None) -> Value:
    """Optional SE of a part of the width, in multiples of 8 without the 90 % rule of bneck's."""
    return g.squeeze_excite(x, make_divisible(x.c * se, keep=0)) if se else x


def token_mixer(g: GraphBuilder, x: Value, k: int, se: float | None) -> Value:
    """Batch norm of (depthwise k x k + depthwise 1 x 1 + identity), then optional SE."""
    with g.scope("token_mixer"):
        a = g.depthwise(x, k=k, name="dw")
        b = g.conv(x, x.c, groups=x.c, norm=False, bias=True, name="dw1")
        h = g.add("add", (g.add("add", (a, b), "branches"), x), "identity")
        h = g.add("batch_norm", (h,), "norm")
    return squeezed(g, h, se)


def channel_mixer(g: GraphBuilder, x: Value, exp: Width, act: str) -> Value:
    """1 x 1 expansion, activation, 1 x 1 projection, residual."""
    with g.scope("channel_mixer"):
        h = g.conv(x, exp, act=act, name="expand")
        h = g.conv(h, x.c, name="project")
        return g.shortcut(x, h)


@dataclass(frozen=True, slots=True)
class RepViT(Row, op="repvit"):
    """Token mixer, then channel mixer; keeps width and resolution."""

    out: Width = Ratio(1)
    exp: Width = Ratio(2)
    k: int = 3
    se: float | None = None
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use repvit_down to change them")
        return channel_mixer(g, token_mixer(g, x, self.k, self.se), self.exp, self.act)


@dataclass(frozen=True, slots=True)
class RepViTDown(Row, op="repvit_down", scale="width"):
    """Downsampling: a RepViT block, depthwise stride 2, 1 x 1 to the new width, channel mixer.

    `exp` is the hidden width of the block before, a ratio of its input; the channel mixer after
    uses the same ratio of the new width.
    """

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
class RepViTShallowDown(Row, op="repvit_shallow_down", scale="width", relative_to={"exp": "out"}):
    """Downsampling before the paper deepens it: depthwise, optional SE, 1 x 1 and channel mixer.

    A ratio of `exp`, the hidden width of the channel mixer, is of the output width.
    """

    out: Width
    exp: Width = Ratio(2)
    k: int = 3
    se: float | None = None
    act: str = "gelu"
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = g.depthwise(x, k=self.k, s=self.s, name="spatial")
        h = g.conv(squeezed(g, h, self.se), self.out, name="channel")
        return channel_mixer(g, h, self.exp, self.act)


@dataclass(frozen=True, slots=True)
class RepViTStem(Row, op="repvit_stem", stage=False, scale="width"):
    """Two 3 x 3 convolutions of stride 2: to half the width, then to the width."""

    out: Width
    act: str = "gelu"
    s: int = 4

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        if self.s != 4 or self.out % 2:
            raise ArchError("repvit_stem has stride 4 and an even width")
        h = g.conv(x, self.out // 2, k=3, s=2, act=self.act, name="conv1")
        return g.conv(h, self.out, k=3, s=2, name="conv2")
