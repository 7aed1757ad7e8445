"""Best paths through a layered space, and sums of edge values along paths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.space.columns import Floats, Ints
from nas.space.layered import LayeredSpace
from nas.space.space import Code


def best_path(
    layered: LayeredSpace, scores: Sequence[Floats], allowed: Sequence[Ints]
) -> Code | None:
    """The path of the highest sum of scores (S, O) over the allowed options of each layer."""
    after = np.append(np.zeros(len(layered.ends)), -np.inf)  # -1 points to the last
    genes: list[Ints] = []
    for layer, own, options in zip(*map(reversed, (layered.layers, scores, allowed)), strict=True):
        total = own[:, options] + after[layer.next[:, options]]
        best = total.argmax(axis=1)
        genes.append(options[best])
        after = np.append(total[np.arange(len(best)), best], -np.inf)
    if after[0] == -np.inf:
        return None
    state, code = 0, []
    for layer, chosen in zip(layered.layers, reversed(genes), strict=True):
        code.append(int(chosen[state]))
        state = int(layer.next[state, code[-1]])
    return tuple(code)


def sums(layered: LayeredSpace, costs: Sequence[Floats], codes: Ints) -> NDArray[np.float64]:
    """(n, P) codes -> (n,) sums of edge costs."""
    total, state = np.zeros(len(codes)), np.zeros(len(codes), np.int64)
    for layer, own, genes in zip(layered.layers, costs, codes.T, strict=True):
        total += own[state, genes]
        state = layer.next[state, genes]
    return total
