"""MobileViTv2 block (arXiv:2206.02680, figure 6): separable self-attention.

One score for each token weighs the keys to a single context vector (section 3.2), so attention is
linear in the tokens and multiplies no two matrices of tokens. Layers work on maps of channels x
pixels of a patch x patches, with 1 x 1 convolutions and group norms of one group, as in the
authors' code. Departs: the reference code interpolates a map that the patch does not divide; here
that is an error, so that a table never hides a resize.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from nas.blocks.base import Row, check_keeps
from nas.blocks.mobilevit import fitting_patch
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.ops import Shape
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class MobileViTV2(Row, op="mobilevitv2", relative_to={"ffn": "dim"}):
    """Depthwise k x k + 1 x 1, unfold, separable transformer layers, fold, linear 1 x 1."""

    layers: int
    dim: Width = Ratio(0.5)
    out: Width = Ratio(1)
    k: int = 3
    patch: int = 2
    ffn: Width = Ratio(2)
    act: str = "silu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        _, rows, columns = x.shape
        check_keeps(self.op, x, self.out, self.s, "put an mv2 before it")
        if rows % self.patch or columns % self.patch:
            raise ArchError(f"patch size {self.patch} does not divide the {rows}x{columns} map")
        h = g.depthwise(x, k=self.k, act=self.act, name="local")
        h = g.conv(h, self.dim, norm=False, name="project_in")
        h = unfold(g, h, self.patch)
        for layer in range(self.layers):
            with g.scope(f"layer{layer}"):
                h = self._layer(g, h)
        h = g.add("group_norm", (h,), "norm", groups=1)
        h = fold(g, h, rows, columns, self.patch)
        return g.conv(h, self.out, name="project_out")

    def _layer(self, g: GraphBuilder, x: Value) -> Value:
        """Separable attention and a two-layer MLP, each behind a norm and beside a residual."""
        h = g.add("group_norm", (x,), "norm1", groups=1)
        x = g.shortcut(x, separable_attention(g, h), "residual1")
        h = g.add("group_norm", (x,), "norm2", groups=1)
        h = g.conv(h, self.ffn, norm=False, bias=True, act=self.act, name="ffn1")
        h = g.conv(h, x.c, norm=False, bias=True, name="ffn2")
        return g.shortcut(x, h, "residual2")

    def fit(self, shape: Shape) -> Self:
        """With the largest patch, up to its own, that divides the map."""
        return replace(self, patch=fitting_patch(self.patch, shape))


def separable_attention(g: GraphBuilder, x: Value) -> Value:
    """Separable self-attention over the last dimension of (C, pixels, patches)."""
    c, _, _ = x.shape
    with g.scope("attention"):
        h = g.conv(x, 1 + 2 * c, norm=False, bias=True, name="score_key_value")
        score = g.add("slice", (h,), "score", start=0, size=1, dim=0)
        key = g.add("slice", (h,), "key", start=1, size=c, dim=0)
        value = g.add("slice", (h,), "value", start=1 + c, size=c, dim=0)
        score = g.add("act", (score,), "softmax", fn="softmax")
        context = g.add("sum", (g.add("mul", (key, score), "weighted"),), "context")
        h = g.add("mul", (g.act(value, "relu"), context), "attended")
        return g.conv(h, c, norm=False, bias=True, name="project")


def unfold(g: GraphBuilder, x: Value, p: int) -> Value:
    """(C, H, W) -> (C, p * p, H / p * W / p): pixel i of every patch forms one sequence."""
    c, h, w = x.shape
    x = g.add("reshape", (x,), "split_patches", shape=(c, h // p, p, w // p, p))
    x = g.add("permute", (x,), "to_patches", dims=(0, 2, 4, 1, 3))
    return g.add("reshape", (x,), "unfold", shape=(c, p * p, (h // p) * (w // p)))


def fold(g: GraphBuilder, x: Value, h: Width, w: Width, p: int) -> Value:
    """The inverse of `unfold`."""
    c = x.c
    x = g.add("reshape", (x,), "split_pixels", shape=(c, p, p, h // p, w // p))
    x = g.add("permute", (x,), "to_map", dims=(0, 3, 1, 4, 2))
    return g.add("reshape", (x,), "fold", shape=(c, h, w))
