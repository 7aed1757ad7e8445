"""StarNet (arXiv:2403.19967, section 4 and figure 3): the star operation, a product of projections.

As in the authors' code, every convolution has a bias, also where a batch norm follows it. Departs:
the tables have the last batch norm behind the pooling (`norm_linear`), not before it. Both compute
the same outside training, and there it folds into the classifier.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row, check_keeps
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class Star(Row, op="star"):
    """Depthwise k x k, product of two expansions (one activated), 1 x 1, depthwise, residual."""

    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k: int = 7
    act: str = "relu6"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use biased_down to change them")
        h = g.depthwise(x, k=self.k, bias=True)
        a = g.conv(h, self.exp, norm=False, bias=True, act=self.act, name="expand1")
        b = g.conv(h, self.exp, norm=False, bias=True, name="expand2")
        h = g.conv(g.add("mul", (a, b), "star"), x.c, bias=True, name="project")
        h = g.depthwise(h, k=self.k, norm=False, bias=True, name="depthwise2")
        return g.shortcut(x, h)
