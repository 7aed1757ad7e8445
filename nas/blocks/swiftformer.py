"""SwiftFormer (arXiv:2303.15446, figure 3): efficient additive attention.

Each query gets a score, and the queries weighted by their scores add up to one global query. It
multiplies the keys element by element, so no two matrices of tokens meet. As in the authors' code,
queries, keys and scores are scaled to length 1, so the paper's factor of the scores has no effect,
and every convolution has a bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from nas.blocks.base import Row, check_keeps
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width

LOCAL_SCALE, SCALE = 1.0, 1e-5
"""Initial layer scales: of local branches, and of attention and feed-forward."""


@dataclass(frozen=True, slots=True)
class SwiftFormerConv(Row, op="swiftformer_conv"):
    """Depthwise k x k, 1 x 1 expansion, 1 x 1 projection, layer scale, residual (equation 7)."""

    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k: int = 3
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use biased_down to change them")
        return local(g, x, self.exp, self.k, self.act)


@dataclass(frozen=True, slots=True)
class SwiftFormer(Row, op="swiftformer"):
    """Local representation, additive attention, feed-forward; each a residual (equation 8)."""

    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k: int = 3
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use biased_down to change them")
        x = local(g, x, x.c, self.k, self.act)
        with g.scope("attention"):
            x = g.shortcut(x, g.layer_scale(additive_attention(g, x), SCALE))
        with g.scope("feed_forward"):
            h = g.add("batch_norm", (x,), "norm")
            return g.shortcut(x, g.layer_scale(_pointwise(g, h, self.exp, self.act), SCALE))


@dataclass(frozen=True, slots=True)
class DistilledNormLinear(
    Row, op="distilled_norm_linear", scale="none", reads_vector=True, classifies=True
):
    """Batch norm, then the mean of two linear layers, of which one learns from a teacher (DeiT).

    Departs: in training both learn from what the loss sees, their mean. The norm follows the
    pooling, before which timm has it; both compute the same outside training.
    """

    out: Width = Ratio(1)

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        x = g.add("batch_norm", (x,), "norm")
        both = (g.linear(x, self.out, name="head"), g.linear(x, self.out, name="distilled"))
        values = partial(np.full, (1,), 0.5)
        half = g.add("constant", (), "one_half", shape=(1,), values=values)
        return g.add("mul", (g.add("add", both, "sum"), half), "mean")


def local(g: GraphBuilder, x: Value, exp: Width, k: int, act: str) -> Value:
    """Depthwise k x k with batch norm, then two 1 x 1 convolutions, beside a residual."""
    with g.scope("local"):
        h = g.depthwise(x, k=k, bias=True)
        return g.shortcut(x, g.layer_scale(_pointwise(g, h, exp, act), LOCAL_SCALE))


def _pointwise(g: GraphBuilder, x: Value, exp: Width, act: str) -> Value:
    """1 x 1 expansion, activation, 1 x 1 projection."""
    h = g.conv(x, exp, norm=False, bias=True, act=act, name="expand")
    return g.conv(h, x.c, norm=False, bias=True, name="project")


def additive_attention(g: GraphBuilder, x: Value) -> Value:
    """Efficient additive attention over the pixels of a map (section 3.2, equations 4 to 6)."""
    c, height, width = x.shape
    tokens = g.tokens(x)
    query = g.add("normalize", (g.linear(tokens, c, name="query"),), "unit_query")
    key = g.add("normalize", (g.linear(tokens, c, name="key"),), "unit_key")
    score = g.linear(query, 1, bias=False, name="score")
    score = g.add("permute", (score,), "score_of_pixels", dims=(1, 0))
    score = g.add("normalize", (score,), "weight")
    by_channel = g.add("permute", (query,), "query_by_channel", dims=(1, 0))
    total = g.add("sum", (g.add("mul", (by_channel, score), "weighted"),), "total")
    total = g.add("permute", (total,), "global_query", dims=(1, 0))
    h = g.linear(g.add("mul", (key, total), "key_and_query"), c, name="project")
    h = g.linear(g.add("add", (h, query), "with_query"), c, name="output")
    return g.from_tokens(h, height, width)
