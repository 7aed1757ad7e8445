"""Swin transformer (arXiv:2103.14030): one row is one stage, as in the paper's table 7.

Attention stays inside windows of the map. Every other layer shifts them by half a window: it rolls
the map and masks parts that were not neighbours. Windows are a leading dimension. Departs: the
authors' code pads a map that the window does not divide; here that is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.blocks.base import Row
from nas.blocks.vit import patchify
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.ops import Shape
from nas.graph.widths import Ratio, Width

MASKED = -100.0
"""Added to scores between pixels that only the roll made neighbours, as in the authors' code."""


@dataclass(frozen=True, slots=True)
class Swin(Row, op="swin", relative_to={"ffn": "out"}):
    """Patch embedding (s=4), patch merging (s=2) or neither, then layers, shifted alternately."""

    layers: int
    heads: int
    window: int
    out: Width = Ratio(1)
    ffn: Width = Ratio(4)
    act: str = "gelu"
    s: int = 1

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        x = self._enter(g, x)
        rows, columns, _ = x.shape
        if rows % self.window or columns % self.window:
            raise ArchError(f"window {self.window} does not divide the {rows}x{columns} map")
        one_window = rows == self.window and columns == self.window
        for layer in range(self.layers):
            shift = self.window // 2 if layer % 2 and not one_window else 0
            with g.scope(f"layer{layer}"):
                x = self._layer(g, x, shift)
        return g.channels_first(x)

    def _enter(self, g: GraphBuilder, x: Value) -> Value:
        """Input map of the layers, channels last."""
        if self.s == 4:
            x = patchify(g, x, self.out, self.s)
        x = g.channels_last(x)
        if self.s == 4:
            return g.layer_norm(x)
        if self.s == 2:
            return _merge(g, x, self.out)
        if self.s != 1 or self.out != x.shape[-1]:
            raise ArchError("swin embeds patches (s=4), merges them (s=2) or keeps width (s=1)")
        return x

    def _layer(self, g: GraphBuilder, x: Value, shift: int) -> Value:
        h = g.layer_norm(x, name="norm1")
        h = g.add("roll", (h,), "shift", shift=(-shift, -shift)) if shift else h
        h = to_windows(g, h, self.window)
        h = g.attention(h, self.heads, bias=self._bias(g, x.shape, shift))
        h = from_windows(g, h, x.shape, self.window)
        h = g.add("roll", (h,), "shift_back", shift=(shift, shift)) if shift else h
        return g.mlp(g.shortcut(x, h, "residual1"), self.ffn, act=self.act)

    def _bias(self, g: GraphBuilder, shape: Shape, shift: int) -> Value:
        """Learned bias of each relative position, (1 or windows, heads, pixels, pixels)."""
        w, pixels = self.window, self.window**2
        table = g.param(((2 * w - 1) ** 2, self.heads), name="attention.position")
        index = partial(relative_positions, w)
        h = g.add("gather", (table,), "positions", shape=(pixels, pixels), index=index)
        h = g.add("permute", (h,), "bias", dims=(2, 0, 1))
        h = g.add("reshape", (h,), "per_window", shape=(1, self.heads, pixels, pixels))
        if not shift:
            return h
        windows = shape[0] * shape[1] // pixels
        values = partial(shift_mask, shape[0], shape[1], w, shift)
        mask = g.add("constant", (), "mask", shape=(windows, 1, pixels, pixels), values=values)
        return g.add("add", (h, mask), "masked")


def _merge(g: GraphBuilder, x: Value, out: Width) -> Value:
    """Patch merging: 2 x 2 neighbours, column by column, to one vector; norm, linear."""
    h, w, c = x.shape
    if h % 2 or w % 2:
        raise ArchError(f"2x2 patches do not divide the {h}x{w} map")
    with g.scope("merge"):
        x = g.add("reshape", (x,), "split", shape=(h // 2, 2, w // 2, 2, c))
        x = g.add("permute", (x,), "neighbours", dims=(0, 2, 3, 1, 4))
        x = g.layer_norm(g.add("reshape", (x,), "join", shape=(h // 2, w // 2, 4 * c)))
        return g.add("linear", (x,), "linear", out=out, bias=False)


def to_windows(g: GraphBuilder, x: Value, side: int) -> Value:
    """(H, W, C) -> (windows, side * side, C)."""
    h, w, c = x.shape
    x = g.add("reshape", (x,), "split_map", shape=(h // side, side, w // side, side, c))
    x = g.add("permute", (x,), "to_windows", dims=(0, 2, 1, 3, 4))
    windows = (h // side) * (w // side)
    return g.add("reshape", (x,), "windows", shape=(windows, side * side, c))


def from_windows(g: GraphBuilder, x: Value, shape: Shape, side: int) -> Value:
    """The inverse of `to_windows`."""
    h, w, c = shape
    x = g.add("reshape", (x,), "split_windows", shape=(h // side, w // side, side, side, c))
    x = g.add("permute", (x,), "to_map", dims=(0, 2, 1, 3, 4))
    return g.add("reshape", (x,), "map", shape=(h, w, c))


def relative_positions(side: int) -> NDArray[np.int64]:
    """Row of the table for each pair of a window's pixels, (pixels, pixels)."""
    y, x = np.divmod(np.arange(side**2), side)
    dy, dx = y[:, None] - y + side - 1, x[:, None] - x + side - 1
    return np.asarray(dy * (2 * side - 1) + dx)


def shift_mask(h: int, w: int, side: int, shift: int) -> NDArray[Any]:
    """`MASKED` for pairs of pixels of a rolled map that were not neighbours before the roll.

    Shapes: (windows, 1, pixels, pixels).
    """
    parts = [np.digitize(np.arange(n), [n - side, n - shift]) for n in (h, w)]
    part = parts[0][:, None] * 3 + parts[1]
    part = part.reshape(h // side, side, w // side, side).transpose(0, 2, 1, 3)
    part = part.reshape(-1, 1, side * side)
    return np.where(part[..., None] == part[..., None, :], 0.0, MASKED)
