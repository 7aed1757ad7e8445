"""ExMobileViT's classifier (arXiv:2309.01310): it also reads what earlier attention stages saw.

Maps of earlier stages are averaged, brought to another number of channels, and stand beside the
last map's average in front of the classifier. The published totals (5.553 M for 640, 5.867 M for
928) leave no weights to these shortcuts, so here they have none. How they change the number of
channels is inferred: fewer are means of neighbouring channels, more are repeats. Departs: the
authors' code has 1 x 1 convolutions there, whose weights their totals do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nas.blocks.base import Row
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class Keep(Row):
    """Averages of the map, as `out` channels, kept for `pool_kept`; the map itself passes."""

    op: ClassVar[str] = "keep"
    scale: ClassVar[str] = "width"
    out: Width = Ratio(1)

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        c, h, w = x.shape
        if c % self.out == 0:
            shape = (self.out, c // self.out * h, w)
            g.kept.append(_pooled(g, g.add("reshape", (x,), "neighbours", shape=shape)))
        else:
            index = partial(repeats, c, self.out)
            h = _pooled(g, x)
            g.kept.append(g.add("gather", (h,), "repeats", shape=(self.out,), index=index))
        return x


@dataclass(frozen=True, slots=True)
class PoolKept(Row):
    """Global average pooling to a vector of `out` channels, behind those that rows above kept.

    A row that is lowered alone reads zeros in their place.
    """

    op: ClassVar[str] = "pool_kept"
    adds: ClassVar[tuple[str, ...]] = ("out",)
    out: Width

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        kept = g.recall(x, self.out - x.c)
        h = g.add("concat", (*kept, _pooled(g, x)), "concat") if kept else _pooled(g, x)
        return g.add("reshape", (h,), "flatten", shape=(self.out,))


def _pooled(g: GraphBuilder, x: Value) -> Value:
    return g.add("global_pool", (x,), "pool")


def repeats(c: int, out: int) -> NDArray[np.int64]:
    """Which of `c` channels each of `out` repeats, evenly."""
    return np.arange(out) * c // out
