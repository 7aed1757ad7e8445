"""ExMobileViT's classifier (arXiv:2309.01310), which also reads maps of earlier stages.

Maps of earlier stages are averaged, brought to another number of channels, and concatenated with
the last map's average before the classifier. The published totals (5.553 M for 640, 5.867 M for
928) leave no weights for these shortcuts, so here they have none. How they change the number of
channels is inferred: fewer channels are means of neighbours, more are repeats. Departs: the
authors' code has 1 x 1 convolutions there, whose weights their totals do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nas.blocks.base import Row
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Kept, Value, kept_channels
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class Keep(Row, op="keep", stage=False, scale="width"):
    """Keep averages of the map, as `out` channels, for `pool_kept`; pass the map on."""

    out: Width = Ratio(1)

    def lower_kept(self, g: GraphBuilder, x: Value, kept: Kept) -> tuple[Value, Kept]:
        c, h, w = x.shape
        if c % self.out == 0:
            shape = (self.out, c // self.out * h, w)
            own = _pooled(g, g.add("reshape", (x,), "neighbours", shape=shape))
        else:
            index = partial(repeats, c, self.out)
            own = g.add("gather", (_pooled(g, x),), "repeats", shape=(self.out,), index=index)
        return x, (*kept, own)


@dataclass(frozen=True, slots=True)
class PoolKept(Row, op="pool_kept", stage=False, adds=("out",)):
    """Global average pooling, appended to the channels that rows above keep: `out` together."""

    out: Width

    def lower_kept(self, g: GraphBuilder, x: Value, kept: Kept) -> tuple[Value, Kept]:
        if (found := kept_channels(kept)) != self.out - x.c:
            raise ArchError(f"rows above keep {found} channels, expected {self.out - x.c}")
        parts = [g.inside(value, x) for value in kept if value.c > 0]
        h = g.add("concat", (*parts, _pooled(g, x)), "concat") if parts else _pooled(g, x)
        return g.add("reshape", (h,), "flatten", shape=(self.out,)), ()


def _pooled(g: GraphBuilder, x: Value) -> Value:
    return g.add("global_pool", (x,), "pool")


def repeats(c: int, out: int) -> NDArray[np.int64]:
    """Index of the one of `c` channels that each of `out` repeats, evenly spread."""
    return np.arange(out) * c // out
