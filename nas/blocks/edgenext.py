"""EdgeNeXt's encoder (arXiv:2206.10589, figure 2): split depthwise, transposed attention.

Groups of channels pass 3 x 3 depthwise convolutions one after another, each with the output of the
one before added, as in Res2Net. Attention is transposed: channels of a head attend to each other by
cosine similarity with a learned temperature (XCA, arXiv:2106.09681), so it is linear in the pixels.
EdgeNeXt's other encoder, its stem, downsampling and classifier are those of ConvNeXt. Departs, with
the authors' code: the last group stays as it is, where section 3 has the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nas.blocks.base import Row, check_keeps
from nas.errors import ArchError
from nas.graph.graph import GraphBuilder, Value
from nas.graph.widths import Ratio, Width

EPS = 1e-6
"""Epsilon of the norms, as in the authors' code."""
FREQUENCIES = 32
"""Of the position encoding, for each of y and x."""
LONGEST = 10_000.0
"""Ratio of the longest period of the position encoding to the shortest, as in the transformer."""


@dataclass(frozen=True, slots=True)
class SDTA(Row, op="sdta"):
    """Depthwise convolutions of `splits` groups of channels, transposed attention, MLP."""

    heads: int
    splits: int = 2
    out: Width = Ratio(1)
    exp: Width = Ratio(4)
    act: str = "gelu"
    s: int = 1
    positions: ClassVar[bool] = False
    """It adds a position encoding before attention."""

    def lower(self, g: GraphBuilder, x: Value) -> Value:
        check_keeps(self.op, x, self.out, self.s, "use convnext_down to change them")
        if x.c % self.heads:
            raise ArchError(f"{x.c} channels do not divide in {self.heads} heads")
        h = split_depthwise(g, x, self.splits)
        if self.positions:
            h = g.add("add", (h, _positions(g, h)), "located")
        with g.scope("attention"):
            y = g.layer_norm(g.tokens(h), eps=EPS)
            y = g.layer_scale(transposed_attention(g, y, self.heads, h), name="scale")
            h = g.shortcut(h, y)
        h = g.layer_norm(g.channels_last(h), eps=EPS)
        h = g.linear(h, self.exp, act=self.act, name="expand")
        h = g.channels_first(g.linear(h, x.c, name="project"))
        return g.shortcut(x, g.layer_scale(h))


@dataclass(frozen=True, slots=True)
class LocatedSDTA(SDTA, op="located_sdta"):
    """As `sdta`, with a position encoding added before attention."""

    positions: ClassVar[bool] = True


def split_depthwise(g: GraphBuilder, x: Value, splits: int) -> Value:
    """Convolve each group of channels but the last, with the output of the group before added."""
    width = (x.c + splits - 1) // splits
    last = x.c - width * (splits - 1)
    if last < 1:
        raise ArchError(f"{x.c} channels do not split in {splits} groups of {width}")
    parts: list[Value] = []
    with g.scope("split"):
        for index in range(splits):
            size = width if index < splits - 1 else last
            name, start = f"part{index}", index * width
            part = g.add("slice", (x,), name, start=start, size=size, dim=0)
            if index < splits - 1:
                part = g.add("add", (parts[-1], part), f"sum{index}") if parts else part
                attrs = {"out": width, "k": 3, "s": 1, "groups": width, "bias": True}
                part = g.add("conv", (part,), f"depthwise{index}", **attrs)
            parts.append(part)
        return g.add("concat", tuple(parts), "concat")


def transposed_attention(g: GraphBuilder, x: Value, heads: int, like: Value) -> Value:
    """Attention between the channels of each head, of tokens (N, C), to a map as `like`."""
    n, c = x.shape
    h = g.linear(x, 3 * c, name="qkv")
    h = g.add("reshape", (h,), "heads", shape=(n, 3, heads, c // heads))
    h = g.add("permute", (h,), "to_channels", dims=(1, 2, 3, 0))
    q, k, v = (g.add("select", (h,), part, index=i) for i, part in enumerate("qkv"))
    q, k = g.add("normalize", (q,), "unit_q"), g.add("normalize", (k,), "unit_k")
    temperature = g.param((heads, 1, 1), name="temperature", fill=1.0)
    q = g.add("mul", (q, temperature), "scaled")
    h = g.add("attention", (q, k, v), "attend", scale=1.0)
    h = g.add("permute", (h,), "from_channels", dims=(2, 0, 1))
    h = g.linear(g.add("reshape", (h,), "merge", shape=(n, c)), c, name="project")
    h = g.add("permute", (h,), "channels", dims=(1, 0))
    return g.add("reshape", (h,), "to_map", shape=like.shape)


def _positions(g: GraphBuilder, x: Value) -> Value:
    """Encoding of each pixel's place, the same for all images, as wide as the map."""
    c, h, w = x.shape
    values = partial(waves_of, h, w)
    waves = g.add("constant", (), "waves", shape=(h * w, 2 * FREQUENCIES), values=values)
    return g.from_tokens(g.linear(waves, c, name="position"), h, w)


def waves_of(h: int, w: int) -> NDArray[Any]:
    """Sine and cosine of y, then of x, by frequency, (h * w, 2 * FREQUENCIES)."""
    periods = LONGEST ** (np.arange(FREQUENCIES) // 2 * 2 / FREQUENCIES)
    maps = []
    for size, dims in ((h, (1, h, 1)), (w, (1, 1, w))):
        places = 2 * np.pi * np.arange(1, size + 1) / (size + EPS)
        angles = places / periods[:, None]
        angles[0::2], angles[1::2] = np.sin(angles[0::2]), np.cos(angles[1::2])
        maps.append(np.broadcast_to(angles.reshape(FREQUENCIES, *dims[1:]), (FREQUENCIES, h, w)))
    return np.concatenate(maps).reshape(2 * FREQUENCIES, -1).T
