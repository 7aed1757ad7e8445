"""MobileViT block (arXiv:2110.02178, figure 1b): transformers as convolutions over patches.

Departs: the reference code interpolates a map that the patch does not divide; here that is an
error, so that a table never hides a resize.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from nas.blocks.base import Row, check_keeps
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.ops import Shape
from nas.graph.widths import Ratio, Width


@dataclass(frozen=True, slots=True)
class MobileViT(Row, op="mobilevit", relative_to={"ffn": "dim"}):
    """Local k x k + 1 x 1, unfold, transformer layers, fold, 1 x 1, concatenation, k x k fusion."""

    dim: Width
    layers: int
    out: Width = Ratio(1)
    k: int = 3
    patch: int = 2
    ffn: Width = Ratio(2)
    heads: int = 4
    act: str = "silu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        _, rows, columns = x.shape
        check_keeps(self.op, x, self.out, self.s, "put an mv2 before it")
        if rows % self.patch or columns % self.patch:
            raise ArchError(f"patch size {self.patch} does not divide the {rows}x{columns} map")
        h = g.conv(x, x.c, k=self.k, act=self.act, name="local")
        h = g.conv(h, self.dim, norm=False, name="project_in")
        h = _unfold(g, h, self.patch)
        for layer in range(self.layers):
            h = g.transformer(h, heads=self.heads, ffn=self.ffn, act=self.act, name=f"layer{layer}")
        h = g.add("layer_norm", (h,), "norm")
        h = _fold(g, h, rows, columns, self.patch)
        h = g.conv(h, x.c, act=self.act, name="project_out")
        h = g.add("concat", (x, h), "concat")
        return g.conv(h, x.c, k=self.k, act=self.act, name="fusion")

    def fit(self, shape: Shape) -> Self:
        """With the largest patch, up to its own, that divides the map."""
        return replace(self, patch=fitting_patch(self.patch, shape))


def fitting_patch(patch: int, shape: Shape) -> int:
    """The largest side, up to `patch`, of patches that divide a map."""
    _, height, width = shape
    return next(p for p in range(patch, 0, -1) if height % p == width % p == 0)


def _unfold(g: GraphBuilder, x: Value, p: int) -> Value:
    """(C, H, W) -> (p * p, H / p * W / p, C): pixel i of every patch forms one sequence."""
    c, h, w = x.shape
    x = g.add("reshape", (x,), "split_patches", shape=(c, h // p, p, w // p, p))
    x = g.add("permute", (x,), "to_patches", dims=(2, 4, 1, 3, 0))
    return g.add("reshape", (x,), "unfold", shape=(p * p, (h // p) * (w // p), c))


def _fold(g: GraphBuilder, x: Value, h: Width, w: Width, p: int) -> Value:
    """The inverse of `_unfold`."""
    c = x.shape[-1]
    x = g.add("reshape", (x,), "split_pixels", shape=(p, p, h // p, w // p, c))
    x = g.add("permute", (x,), "to_map", dims=(4, 2, 0, 3, 1))
    return g.add("reshape", (x,), "fold", shape=(c, h, w))
