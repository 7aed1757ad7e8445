"""MixNet's inverted residual with mixed depthwise convolutions (arXiv:1907.09595)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nas.blocks.base import Row
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width, floored


@dataclass(frozen=True, slots=True)
class MixNet(Row, op="mixnet"):
    """MBConv whose depthwise kernels are 3, 5, 7 ... on `kernels` parts of the channels.

    Its 1 x 1 convolutions have groups, each a convolution of its own. SE is squeezed from the
    block's input width, with a sigmoid gate.
    """

    out: Width = Ratio(1)
    exp: Width = Ratio(6)
    kernels: int = 1
    exp_groups: int = 1
    out_groups: int = 1
    se: float | None = None
    act: str = "silu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = x
        if self.exp != x.c:
            h = mixed(g, x, self.exp, (1,) * self.exp_groups, act=self.act, name="expand")
        sizes = range(3, 3 + 2 * self.kernels, 2)
        h = mixed(g, h, h.c, sizes, s=self.s, depthwise=True, act=self.act, name="depthwise")
        if self.se:
            h = g.squeeze_excite(h, floored(x.c * self.se + 0.5), act=self.act)
        h = mixed(g, h, self.out, (1,) * self.out_groups, name="project")
        return g.residual(x, h)


def mixed(
    g: GraphBuilder,
    x: Value,
    out: Width,
    kernels: Sequence[int],
    *,
    s: int = 1,
    depthwise: bool = False,
    act: str = "none",
    name: str,
) -> Value:
    """Convolve a part of the channels with each kernel size; batch norm and activation of all.

    A map with fewer channels than parts is not split.
    """
    if x.c < len(kernels) or out < len(kernels):
        kernels = kernels[:1]
    if len(kernels) == 1:
        groups = x.c if depthwise else 1
        return g.conv(x, out, k=kernels[0], s=s, groups=groups, act=act, name=name)
    with g.scope(name):
        convolved: list[Value] = []
        start: Width = 0
        for number, k in enumerate(kernels):
            size, width = (part(c, number, len(kernels)) for c in (x.c, out))
            h = g.add("slice", (x,), f"slice{number}", dim=0, start=start, size=size)
            groups, own = size if depthwise else 1, f"part{number}"
            h = g.conv(h, width, k=k, s=s, groups=groups, norm=False, name=own)
            convolved.append(h)
            start = start + size
        h = g.add("concat", tuple(convolved), "concat")
        return g.act(g.add("batch_norm", (h,), "norm"), act)


def part(channels: Width, number: int, parts: int) -> Width:
    """Width of one of equal parts; the first has the remainder."""
    return channels // parts + (channels % parts if number == 0 else 0)
