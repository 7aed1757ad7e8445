"""The block of docs/own-block.md, as a file for `nas --blocks`."""

from dataclasses import dataclass

from nas.blocks import Row, register
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width, make_divisible


def ghost(g: GraphBuilder, x: Value, out: Width, k: int, act: str, name: str) -> Value:
    """Return `out` channels (even); half are depthwise k x k copies of the other half."""
    with g.scope(name):
        half = g.conv(x, out // 2, act=act)
        return g.add("concat", (half, g.depthwise(half, k=k, act=act)), "concat")


@register
@dataclass(frozen=True, slots=True)
class Ghost(Row, op="ghost"):
    """GhostNet's bottleneck: ghost, depthwise if strided, SE, linear ghost."""

    out: Width = Ratio(1)
    exp: Width = Ratio(2)
    k: int = 3
    se: float | None = None
    act: str = "relu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = ghost(g, x, self.exp, self.k, self.act, "expand")
        if self.s > 1:
            h = g.depthwise(h, k=self.k, s=self.s)
        if self.se:
            h = g.squeeze_excite(h, make_divisible(h.c * self.se), gate="hsigmoid")
        return g.residual(x, ghost(g, h, self.out, self.k, "none", "project"))
