"""AttentiveNAS's inverted residual (arXiv:2011.09011), of which AlphaNet is made.

Every block has a shortcut. Where shapes differ, it is pooled and projected by a 1 x 1 convolution
without norm, as in the authors' `models/modules/static_layers.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.blocks.mobilenet import expand
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.ops import RESIDUAL
from nas.graph.widths import Ratio, Width, make_divisible


@dataclass(frozen=True, slots=True)
class AttentiveNAS(Row, op="attentivenas"):
    """SE inside with a hard-sigmoid gate, squeezed from the expansion; pooled, projected shortcut.

    The map has to be square where it is strided: its width tells how the shortcut is padded.
    """

    out: Width = Ratio(1)
    exp: Width = Ratio(6)
    k: int = 3
    se: float | None = None
    act: str = "silu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        if self.s > 2:
            raise ArchError("attentivenas has stride 1 or 2")
        h = expand(g, x, self.exp, self.act)
        h = g.depthwise(h, k=self.k, s=self.s, act=self.act)
        if self.se:
            h = g.squeeze_excite(h, make_divisible(h.c * self.se), gate="hsigmoid")
        h = g.conv(h, self.out, name="project")
        short = self._shortcut(g, x)
        return g.add("add", (h, short), "residual", role=RESIDUAL if short is x else "")

    def _shortcut(self, g: GraphBuilder, x: Value) -> Value:
        if self.s > 1:
            x = g.add("avg_pool", (x,), "shortcut_pool", k=self.s, s=self.s, pad=x.shape[2] % 2)
        return x if self.out == x.c else g.conv(x, self.out, norm=False, name="shortcut")
