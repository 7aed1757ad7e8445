"""EfficientViT of MIT (arXiv:2205.14756): ReLU linear attention on two scales.

Queries, keys and values of each head are taken as they are, and aggregated over k x k neighbours by
a depthwise and a grouped convolution. With ReLU for the softmax, keys and values multiply first, so
attention is linear in the pixels. Source: the authors' `efficientvit/models/nn/ops.py`. Departs:
the denominator adds 1e-5, as in timm's code; the authors' adds 1e-15, which half precision rounds
to 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from nas.blocks.base import Row, check_keeps
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width

EPS = 1e-5
"""Added to the denominator of attention."""


@dataclass(frozen=True, slots=True)
class EfficientViT(Row, op="efficientvit"):
    """Multi-scale linear attention, then a 3 x 3 inverted residual; each beside a residual."""

    heads: int
    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k: int = 5
    act: str = "hswish"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use efficientvit_down")
        if x.c % self.heads:
            raise ArchError(f"{x.c} channels do not divide in {self.heads} heads")
        with g.scope("context"):
            x = g.shortcut(x, linear_attention(g, x, self.heads, self.k))
        with g.scope("local"):
            return g.shortcut(x, _inverted(g, x, self.out, self.exp, k=3, s=1, act=self.act))


@dataclass(frozen=True, slots=True)
class EfficientViTDown(Row, op="efficientvit_down"):
    """Inverted residual whose expansion and depthwise have a bias in place of batch norm."""

    out: Width
    exp: Width = Ratio(4)
    k: int = 3
    act: str = "hswish"
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        return _inverted(g, x, self.out, self.exp, k=self.k, s=self.s, act=self.act)


@dataclass(frozen=True, slots=True)
class HiddenLinear(Row, op="hidden_linear", stage=False, scale="none", reads_vector=True):
    """Linear without bias, layer norm, activation: the hidden layer of a classifier."""

    out: Width = Ratio(1)
    act: str = "hswish"

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        h = g.add("linear", (x,), "linear", out=self.out, bias=False)
        return g.act(g.layer_norm(h), self.act)


def _inverted(
    g: GraphBuilder, x: Value, out: Width, exp: Width, *, k: int, s: int, act: str
) -> Value:
    """Expansion and depthwise with bias, projection with batch norm."""
    h = g.conv(x, exp, norm=False, bias=True, act=act, name="expand")
    h = g.conv(h, exp, k=k, s=s, groups=exp, norm=False, bias=True, act=act, name="depthwise")
    return g.conv(h, out, name="project")


def linear_attention(g: GraphBuilder, x: Value, heads: int, k: int) -> Value:
    """Linear attention of `heads` on the map itself and as many on its aggregated neighbours."""
    c, h, w = x.shape
    with g.scope("attention"):
        qkv = g.conv(x, 3 * c, norm=False, name="qkv")
        near = g.conv(qkv, 3 * c, k=k, groups=3 * c, norm=False, name="near")
        near = g.conv(near, 3 * c, groups=3 * heads, norm=False, name="mix")
        y = g.add("concat", (qkv, near), "scales")
        y = g.add("reshape", (y,), "heads", shape=(2 * heads, 3 * c // heads, h * w))
        y = _attend(g, g.add("permute", (y,), "to_tokens", dims=(0, 2, 1)))
        y = g.add("permute", (y,), "to_channels", dims=(0, 2, 1))
        y = g.add("reshape", (y,), "to_map", shape=(2 * c, h, w))
        return g.conv(y, c, name="project")


def _attend(g: GraphBuilder, x: Value) -> Value:
    """relu(q) (relu(k)^T v) over its row sums, of (heads, N, 3 D) that holds q, k and v.

    A column of ones beside v yields the row sums.
    """
    heads, n, size = x.shape
    dim = size // 3
    q, k, v = (
        g.add("slice", (x,), part, start=index * dim, size=dim) for index, part in enumerate("qkv")
    )
    q, k = (g.add("act", (part,), f"relu_{name}", fn="relu") for part, name in ((q, "q"), (k, "k")))
    shape = (heads, n, 1)
    ones = g.add("constant", (x,), "ones", shape=shape, values=partial(np.ones, shape))
    v = g.add("concat", (v, ones), "v_and_ones", dim=2)
    keys = g.add("permute", (k,), "keys", dims=(0, 2, 1))
    y = g.add("matmul", (q, g.add("matmul", (keys, v), "context")), "attend")
    sums = g.add("slice", (y,), "sums", start=dim, size=1)
    eps = g.add("constant", (), "eps", shape=(1, 1, 1), values=partial(np.full, (1, 1, 1), EPS))
    y = g.add("slice", (y,), "weighted", start=0, size=dim)
    return g.add("div", (y, g.add("add", (sums, eps), "denominator")), "normalised")
