"""EfficientFormerV2 (arXiv:2212.08059): unified feed-forward, attention, downsampling.

Attention adds a bias for each distance, mixes the heads before and after the softmax, and adds a
depthwise convolution of the values. On large maps it runs at a lower resolution and its result is
enlarged (stride attention). Downsampling with attention has fewer queries than keys, beside a
convolution. As in the authors' code, every convolution has a bias, and a batch norm except where
heads are mixed and queries are strided. There is one bias for each distance that the map has, so
weights fit images of one size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nas.blocks.base import Row, check_keeps
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width

VALUES = 4
"""Width of the values as a multiple of that of queries and keys."""
SCALE = 1e-5
"""Initial layer scale."""


@dataclass(frozen=True, slots=True)
class EfficientFormerV2FFN(Row, op="efficientformerv2_ffn"):
    """Expansion, depthwise k x k, projection, layer scale, residual."""

    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    k: int = 3
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s)
        h = g.conv(x, self.exp, bias=True, act=self.act, name="expand")
        h = g.depthwise(h, k=self.k, bias=True, act=self.act)
        h = g.conv(h, x.c, bias=True, name="project")
        return g.shortcut(x, g.layer_scale(h, SCALE))


@dataclass(frozen=True, slots=True)
class EfficientFormerV2Attention(Row, op="efficientformerv2_attention"):
    """Attention on a map reduced by `attention_stride`, layer scale, residual.

    Queries and keys have `dim` channels.
    """

    dim: Width = 256
    heads: int = 8
    attention_stride: int = 1
    out: Width = Ratio(1)
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        _, rows, columns = x.shape
        check_keeps(self.op, x, self.out, self.s)
        _check_heads(self.dim, self.heads)
        stride = self.attention_stride
        if rows % stride or columns % stride:
            raise ArchError(f"attention_stride {stride} does not divide the {rows}x{columns} map")
        with g.scope("attention"):
            h = g.depthwise(x, k=3, s=stride, bias=True, name="reduce") if stride > 1 else x
            h = self._attention(g, h)
            if stride > 1:
                h = g.add("upsample", (h,), "enlarge", size=(rows, columns), mode="bilinear")
            h = g.conv(g.act(h, self.act), x.c, bias=True, name="project")
        return g.shortcut(x, g.layer_scale(h, SCALE))

    def _attention(self, g: GraphBuilder, x: Value) -> Value:
        """Attention with heads that are mixed before and after the softmax."""
        _, rows, columns = x.shape
        q = _rows(g, g.conv(x, self.dim, bias=True, name="query"), self.heads, "q")
        scale = (self.dim // self.heads) ** -0.5
        values = partial(np.full, (1, 1, 1), scale)
        factor = g.add("constant", (), "scale", shape=(1, 1, 1), values=values)
        q = g.add("mul", (q, factor), "scaled")
        k = _heads(g, g.conv(x, self.dim, bias=True, name="key"), self.heads, "k")
        v = g.conv(x, VALUES * self.dim, bias=True, name="value")
        local = g.depthwise(v, k=3, bias=True, name="local")
        scores = g.add("matmul", (q, k), "scores")
        bias = _distance_bias(g, self.heads, rows, columns, 1)
        scores = g.add("add", (scores, bias), "biased")
        scores = g.conv(scores, self.heads, norm=False, bias=True, name="mix_scores")
        weights = g.add("act", (scores,), "softmax", fn="softmax")
        weights = g.conv(weights, self.heads, norm=False, bias=True, name="mix_weights")
        h = g.add("matmul", (weights, _rows(g, v, self.heads, "v")), "attend")
        return g.add("add", (_to_map(g, h, rows, columns), local), "with_local")


@dataclass(frozen=True, slots=True)
class EfficientFormerV2Down(Row, op="efficientformerv2_down"):
    """Attention with queries at half the resolution, plus a k x k convolution of stride 2."""

    out: Width
    k: int = 3
    dim: Width = 128
    heads: int = 8
    act: str = "gelu"
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        if self.s != 2:
            raise ArchError("efficientformerv2_down has stride 2")
        _check_heads(self.dim, self.heads)
        h = g.conv(x, self.out, k=self.k, s=2, bias=True)
        with g.scope("attention"):
            return g.add("add", (self._attention(g, x), h), "sum")

    def _attention(self, g: GraphBuilder, x: Value) -> Value:
        """Queries of a strided map, to all pixels."""
        c, rows, columns = x.shape
        query = g.depthwise(x, k=3, s=2, norm=False, bias=True, name="local_query")
        pooled = g.add("avg_pool", (x,), "pooled_query", k=1, s=2)
        query = g.add("add", (query, pooled), "strided")
        q = _rows(g, g.conv(query, self.dim, bias=True, name="query"), self.heads, "q")
        k = _rows(g, g.conv(x, self.dim, bias=True, name="key"), self.heads, "k")
        v = g.conv(x, VALUES * self.dim, bias=True, name="value")
        local = g.depthwise(v, k=3, s=2, bias=True, name="local")
        bias = _distance_bias(g, self.heads, rows, columns, 2)
        h = g.add("attention", (q, k, _rows(g, v, self.heads, "v"), bias), "attend")
        h = g.add("add", (_to_map(g, h, *local.shape[1:]), local), "with_local")
        return g.conv(g.act(h, self.act), self.out, bias=True, name="project")


def _check_heads(dim: Width, heads: int) -> None:
    if dim % heads:
        raise ArchError(f"{dim} channels do not divide in {heads} heads")


def _heads(g: GraphBuilder, x: Value, heads: int, name: str) -> Value:
    """(C, H, W) -> (heads, D, N)."""
    c, h, w = x.shape
    return g.add("reshape", (x,), f"{name}_heads", shape=(heads, c // heads, h * w))


def _rows(g: GraphBuilder, x: Value, heads: int, name: str) -> Value:
    """(C, H, W) -> (heads, N, D)."""
    return g.add("permute", (_heads(g, x, heads, name),), f"{name}_rows", dims=(0, 2, 1))


def _to_map(g: GraphBuilder, x: Value, rows: Width, columns: Width) -> Value:
    """(heads, N, D) -> (C, H, W)."""
    heads, _, dim = x.shape
    x = g.add("permute", (x,), "to_channels", dims=(0, 2, 1))
    return g.add("reshape", (x,), "to_map", shape=(heads * dim, rows, columns))


def _distance_bias(g: GraphBuilder, heads: int, rows: Width, columns: Width, s: int) -> Value:
    """Learned bias of the scores (heads, queries, keys); queries are every `s`-th pixel."""
    keys = rows * columns
    queries = ((rows + s - 1) // s) * ((columns + s - 1) // s)
    table = g.param((heads, keys), name="distance", fill=0.0)
    table = g.add("permute", (table,), "by_distance", dims=(1, 0))
    index = partial(distances, rows, columns, s)
    bias = g.add("gather", (table,), "pairs", shape=(queries, keys), index=index)
    return g.add("permute", (bias,), "bias", dims=(2, 0, 1))


def distances(rows: int, columns: int, s: int) -> NDArray[np.int64]:
    """Column of the table for each pair of query and key, (queries, keys)."""
    y, x = (np.abs(np.arange(0, n, s)[:, None] - np.arange(n)) for n in (rows, columns))
    index = y[:, None, :, None] * columns + x[None, :, None, :]
    return np.asarray(index.reshape(-1, rows * columns))
