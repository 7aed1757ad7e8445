"""Vision transformer (arXiv:2010.11929, figure 1 and table 1), from image or map to class token.

One row is the whole trunk, as in the paper's table: depth, width, MLP size and heads. Departs: the
final norm is applied only to the class token, the only token that is read.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.blocks.base import Row
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width

EPS = 1e-6
"""Epsilon of the norms, as in the authors' code."""


@dataclass(frozen=True, slots=True)
class ViT(Row, op="vit", relative_to={"ffn": "dim"}):
    """Patch embedding, class token, position embedding, pre-norm layers, norm: a vector."""

    dim: Width
    layers: int
    heads: int
    patch: int
    ffn: Width = Ratio(4)

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        x = patchify(g, x, self.dim, self.patch)
        x = g.tokens(x)
        token = g.param((1, self.dim), name="class_token", like=x)
        x = g.add("concat", (token, x), "concat")
        x = g.add("add", (x, g.param(x.shape, name="position")), "locate")
        for layer in range(self.layers):
            x = g.transformer(
                x, heads=self.heads, ffn=self.ffn, act="gelu", name=f"layer{layer}", eps=EPS
            )
        return g.layer_norm(g.add("select", (x,), "class", index=0), eps=EPS)


def patchify(g: GraphBuilder, x: Value, dim: Width, patch: int) -> Value:
    """Embed patches that do not overlap by one linear map: a convolution of stride `patch`."""
    if x.shape[1] % patch or x.shape[2] % patch:
        raise ArchError(f"patch size {patch} does not divide the map {x.shape}")
    attrs = {"out": dim, "k": patch, "s": patch, "pad": 0, "groups": 1, "bias": True}
    return g.add("conv", (x,), "embed", **attrs)
