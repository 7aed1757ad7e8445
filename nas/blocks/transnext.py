"""TransNeXt (arXiv:2311.17132): aggregated attention and the convolutional GLU; a row is a stage.

Every pixel attends to its k x k neighbours and to a pooled map under one softmax (section 3.1), by
cosine similarity with a learned temperature and the logarithm of the number of keys, a query
embedding, learned tokens beside the local weights, and position biases that a small MLP yields from
log-spaced coordinates (3.2-3.3). Where nothing is pooled, attention is global. Departs: none known;
stochastic depth is left to training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.blocks.base import Row
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width

Floats = NDArray[np.float64]

EPS = 1e-6
"""Epsilon of the layers' norms; embeddings and pooled maps use 1e-5, as in the authors' code."""
TEMPERATURE = log(exp(1 / 0.24) - 1)
"""Initial value; its softplus is 1 / 0.24."""
NEAR = 3
"""Side of the window of neighbours."""
POSITION_WIDTH = 512
REACH = 8
"""Coordinates range to 8 before their logarithm to base 8."""
MASKED = -1e4
"""Added to the scores of neighbours beyond the edge."""


@dataclass(frozen=True, slots=True)
class TransNeXt(Row, op="transnext", scale="width", relative_to={"ffn": "out"}):
    """Overlapping patch embedding, layers, norm; `patch` x `patch` pixels are pooled to a key."""

    layers: int
    heads: int
    patch: int
    ffn: Width
    out: Width = Ratio(1)
    s: int = 2

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        with g.scope("embed"):
            attrs = {"out": self.out, "k": 2 * self.s - 1, "s": self.s, "groups": 1, "bias": True}
            x = g.add("conv", (x,), "conv", **attrs)
            _, h, w = x.shape
            x = g.layer_norm(g.tokens(x))
        if self.out % self.heads:
            raise ArchError(f"{self.out} channels do not divide in {self.heads} heads")
        if h % self.patch or w % self.patch:
            raise ArchError(f"patch size {self.patch} does not divide the {h}x{w} map")
        for layer in range(self.layers):
            with g.scope(f"layer{layer}"):
                x = self._layer(g, x, h, w)
        return g.from_tokens(g.layer_norm(x, eps=EPS), h, w)

    def _layer(self, g: GraphBuilder, x: Value, h: Width, w: Width) -> Value:
        """Attention and convolutional GLU, each behind a norm and beside a residual."""
        y = g.layer_norm(x, eps=EPS, name="norm1")
        with g.scope("attention"):
            y = self._global(g, y, h, w) if self.patch == 1 else self._aggregated(g, y, h, w)
            y = g.linear(y, self.out, name="project")
        x = g.shortcut(x, y, "residual1")
        y = g.layer_norm(x, eps=EPS, name="norm2")
        with g.scope("glu"):
            y = g.linear(y, 2 * self.ffn, name="expand")
            y, gate = (
                g.add("slice", (y,), n, start=i * self.ffn, size=self.ffn)
                for i, n in enumerate(("value", "gate"))
            )
            y = g.from_tokens(y, h, w)
            y = g.add("conv", (y,), "conv", out=self.ffn, k=3, s=1, groups=self.ffn, bias=True)
            y = g.act(g.tokens(y), "gelu")
            y = g.linear(g.add("mul", (y, gate), "gated"), self.out, name="project")
        return g.shortcut(x, y, "residual2")

    def _global(self, g: GraphBuilder, x: Value, h: Width, w: Width) -> Value:
        """Cosine attention to every pixel."""
        n, c = x.shape
        count = g.add("constant", (), "keys", shape=(1, 1, 1), values=partial(_log, n))
        qkv = _heads(g, g.linear(x, 3 * c, name="qkv"), 3, self.heads)
        q, k, v = (g.add("select", (qkv,), part, index=i) for i, part in enumerate("qkv"))
        q = self._scaled(g, g.add("normalize", (q,), "unit_q"), count)
        k = g.add("normalize", (k,), "unit_k")
        bias = self._position_bias(g, h, w)
        bias = g.add("reshape", (bias,), "all_keys", shape=(self.heads, n, n))
        return _merged(g, g.add("attention", (q, k, v, bias), "attend", scale=1.0))

    def _aggregated(self, g: GraphBuilder, x: Value, h: Width, w: Width) -> Value:
        """Cosine attention to k x k neighbours and to the pooled map under one softmax."""
        n, c = x.shape
        near, dim = NEAR**2, c // self.heads
        values = partial(log_keys, h, w, NEAR, self.patch)
        count = g.add("constant", (), "keys", shape=(1, n, 1), values=values)
        (q,) = self._parts(g, g.linear(x, c, name="query"), 1)
        unit = g.add("normalize", (q,), "unit_q")
        q = self._scaled(g, unit, count)
        tokens = g.add("concat", (x, self._pooled(g, x, h, w)), "all_tokens")
        k, v = self._parts(g, g.linear(tokens, 2 * c, name="key_value"), 2)
        k = g.add("normalize", (k,), "unit_k")
        near_k, pool_k = self._near_and_pooled(g, k, h, w, "k")
        near_v, pool_v = self._near_and_pooled(g, v, h, w, "v")

        pixels = g.add("reshape", (q,), "per_pixel", shape=(self.heads, n, 1, dim))
        local = g.add("matmul", (pixels, near_k), "local_scores")
        local = g.add("reshape", (local,), "local", shape=(self.heads, n, near))
        bias = g.param((self.heads, near), name="local_position")
        bias = g.add("reshape", (bias,), "local_of_all", shape=(self.heads, 1, near))
        mask = g.add("constant", (), "edge", shape=(1, n, near), values=partial(edge, h, w, NEAR))
        local = g.add("add", (local, g.add("add", (bias, mask), "local_bias")), "local_biased")
        pooled = g.add("matmul", (q, pool_k), "pooled_scores")
        pooled = g.add("add", (pooled, self._position_bias(g, h, w)), "pooled_biased")
        scores = g.add("concat", (local, pooled), "scores", dim=2)
        weights = g.add("act", (scores,), "softmax", fn="softmax")
        local = g.add("slice", (weights,), "local_weights", start=0, size=near)
        keys = pooled.shape[-1]
        pooled = g.add("slice", (weights,), "pooled_weights", start=near, size=keys)

        learned = g.add("matmul", (unit, g.param((self.heads, dim, near), name="tokens")), "learn")
        offset = g.param((self.heads, 1, near), name="token_bias", fill=0.0)
        local = g.add("add", (local, g.add("add", (learned, offset), "learned")), "local_all")
        local = g.add("reshape", (local,), "local_pixels", shape=(self.heads, n, 1, near))
        local = g.add("matmul", (local, near_v), "local_sum")
        local = g.add("reshape", (local,), "local_values", shape=(self.heads, n, dim))
        pooled = g.add("matmul", (pooled, pool_v), "pooled_sum")
        return _merged(g, g.add("add", (local, pooled), "aggregate"))

    def _scaled(self, g: GraphBuilder, unit: Value, log_count: Value) -> Value:
        """(q + embedding) x temperature x log of the number of keys."""
        embedding = g.param((self.heads, 1, unit.shape[-1]), name="query_embedding")
        temperature = g.param((self.heads, 1, 1), name="temperature", fill=TEMPERATURE)
        factor = g.add("act", (temperature,), "positive", fn="softplus")
        factor = g.add("mul", (factor, log_count), "factor")
        return g.add("mul", (g.add("add", (unit, embedding), "embedded"), factor), "scaled")

    def _pooled(self, g: GraphBuilder, x: Value, h: Width, w: Width) -> Value:
        """Tokens of the pooled map."""
        with g.scope("pooled"):
            y = g.from_tokens(x, h, w)
            y = g.add("conv", (y,), "conv", out=y.c, **POINTWISE)
            y = g.act(y, "gelu")
            y = g.add("avg_pool", (y,), "pool", k=self.patch, s=self.patch, pad=0)
            return g.layer_norm(g.tokens(y))

    def _parts(self, g: GraphBuilder, x: Value, parts: int) -> list[Value]:
        """(N, parts x C) -> one (heads, N, D) per part."""
        with g.scope(f"parts{parts}"):
            x = _heads(g, x, parts, self.heads)
            return [g.add("select", (x,), f"part{i}", index=i) for i in range(parts)]

    def _near_and_pooled(
        self, g: GraphBuilder, x: Value, h: Width, w: Width, name: str
    ) -> tuple[Value, Value]:
        """Of all tokens (heads, N + P, D): of each pixel's neighbours, and of the pooled map.

        Shapes: keys are transposed, (heads, N, D, k * k) and (heads, D, P), values are not.
        """
        heads, _, dim = x.shape
        n, near = h * w, NEAR**2
        with g.scope(name):
            x = g.add("permute", (x,), "by_channel", dims=(0, 2, 1))
            pool = g.add("slice", (x,), "pooled", start=n, size=x.shape[-1] - n)
            x = g.add("slice", (x,), "pixels", start=0, size=n)
            x = g.add("reshape", (x,), "map", shape=(heads * dim, h, w))
            x = g.add("unfold", (x,), "neighbours", k=NEAR)
            x = g.add("reshape", (x,), "by_head", shape=(heads, dim, near, n))
            if name == "k":
                return g.add("permute", (x,), "near", dims=(0, 3, 1, 2)), pool
            pool = g.add("permute", (pool,), "far", dims=(0, 2, 1))
            return g.add("permute", (x,), "near", dims=(0, 3, 2, 1)), pool

    def _position_bias(self, g: GraphBuilder, h: Width, w: Width) -> Value:
        """(heads, N, keys): an MLP of the log-spaced coordinates between pixels and keys."""
        p = self.patch
        shape = ((2 * h - p) * (2 * w - p), 2)
        with g.scope("position"):
            values = partial(coordinates, h, w, p)
            x = g.add("constant", (), "coordinates", shape=shape, values=values)
            x = g.linear(x, POSITION_WIDTH, act="relu", name="expand")
            x = g.linear(x, self.heads, name="project")
            pairs, index = (h * w, h * w // p**2), partial(relative, h, w, p)
            x = g.add("gather", (x,), "pairs", shape=pairs, index=index)
            return g.add("permute", (x,), "bias", dims=(2, 0, 1))


POINTWISE: dict[str, Any] = {"k": 1, "s": 1, "groups": 1, "bias": True}


def _heads(g: GraphBuilder, x: Value, parts: int, heads: int) -> Value:
    """(N, parts x C) -> (parts, heads, N, D)."""
    n, c = x.shape
    x = g.add("reshape", (x,), "split_heads", shape=(n, parts, heads, c // parts // heads))
    return g.add("permute", (x,), "to_heads", dims=(1, 2, 0, 3))


def _merged(g: GraphBuilder, x: Value) -> Value:
    """(heads, N, D) -> (N, C)."""
    heads, n, dim = x.shape
    x = g.add("permute", (x,), "from_heads", dims=(1, 0, 2))
    return g.add("reshape", (x,), "merge", shape=(n, heads * dim))


# constants that follow from the sizes ---------------------------------------------------------


def _log(n: int) -> Floats:
    return np.full((1, 1, 1), np.log(n))


def _valid(size: int, k: int) -> NDArray[np.bool_]:
    """(size, k): the neighbour lies on the map."""
    place = np.arange(size)[:, None] + np.arange(k) - k // 2
    return np.asarray((place >= 0) & (place < size))


def _neighbours(h: int, w: int, k: int) -> NDArray[np.bool_]:
    """(h * w, k * k): the neighbour lies on the map."""
    both = _valid(h, k)[:, None, :, None] & _valid(w, k)[None, :, None, :]
    return both.reshape(h * w, k * k)


def edge(h: int, w: int, k: int) -> Floats:
    """0 for neighbours on the map, `MASKED` beyond it, (1, h * w, k * k)."""
    return np.where(_neighbours(h, w, k), 0.0, MASKED)[None]


def log_keys(h: int, w: int, k: int, patch: int) -> Floats:
    """Logarithm of the number of keys each pixel sees, (1, h * w, 1)."""
    pooled = (h // patch) * (w // patch)
    counts = _neighbours(h, w, k).sum(axis=1) + pooled
    return np.asarray(np.log(counts))[None, :, None]


def coordinates(h: int, w: int, patch: int) -> Floats:
    """Log-spaced (y, x) of every distance between a pixel and a pooled key, row by row."""
    axes = []
    for size in (h, w):
        steps = np.arange(patch - size, size) - (patch - 1) / 2
        far = steps * REACH / max(size - 1, 1)
        axes.append(np.sign(far) * np.log2(np.abs(far) + 1) / np.log2(REACH))
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)


def relative(h: int, w: int, patch: int) -> NDArray[np.int64]:
    """Row of `coordinates` for each pixel and pooled key, (h * w, keys)."""
    y, x = (np.arange(n)[:, None] - np.arange(0, n, patch) + n - patch for n in (h, w))
    index = y[:, None, :, None] * (2 * w - patch) + x[None, :, None, :]
    return np.asarray(index.reshape(h * w, -1))
