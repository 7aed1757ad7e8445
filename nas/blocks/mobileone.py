"""MobileOne (arXiv:2206.04040, figure 3): convolutions over-parameterised for training.

Each is a sum of normalised branches of one input, which `nas.graph.fuse.fuse` merges to one
convolution: `branches` of k x k, one of 1 x 1 (where k is larger), and the input itself where the
shape stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.blocks.repvit import squeezed
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class MobileOne(Row, op="mobileone"):
    """Depthwise k x k, then 1 x 1, each over-parameterised, with optional SE before activation."""

    out: Width = Ratio(1)
    k: int = 3
    branches: int = 1
    se: float | None = None
    act: str = "relu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        with g.scope("depthwise"):
            h = over_parameterised(g, x, x.c, self.k, self.s, x.c, self.branches)
            h = g.act(squeezed(g, h, self.se), self.act)
        with g.scope("pointwise"):
            h = over_parameterised(g, h, self.out, 1, 1, 1, self.branches)
            return g.act(squeezed(g, h, self.se), self.act)


@dataclass(frozen=True, slots=True)
class MobileOneStem(Row, op="mobileone_stem", stage=False, scale="width"):
    """Over-parameterised k x k convolution."""

    out: Width
    k: int = 3
    branches: int = 1
    act: str = "relu"
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return g.act(over_parameterised(g, x, self.out, self.k, self.s, 1, self.branches), self.act)


def over_parameterised(
    g: GraphBuilder,
    x: Value,
    out: Width,
    k: int,
    s: int,
    groups: Width,
    branches: int,
    *,
    identity: bool = True,
) -> Value:
    """Sum of the normalised branches; the input is one of them if it has the output's shape.

    Without `identity`, it is none.
    """
    skip = bool(identity and s == 1 and out == x.c)
    parts = [g.add("batch_norm", (x,), "identity")] if skip else []
    if k > 1:
        parts.append(g.conv(x, out, s=s, groups=groups, name="pixel"))
    for branch in range(branches):
        parts.append(g.conv(x, out, k=k, s=s, groups=groups, name=f"branch{branch}"))
    # the input comes last: it merges with the convolution that the sum of the others becomes
    total, *others = parts[skip:] + parts[:skip]
    for number, part in enumerate(others):
        total = g.add("add", (total, part), f"sum{number}")
    return total
