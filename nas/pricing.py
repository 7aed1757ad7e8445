"""Pricing: a space with a device and a surrogate as arrays, for a million candidates a second.

Latency, parameters and MACs are additive over rows, and the surrogate is a function of features
that are: so a candidate's price is a sum of edge values along its path through the lattice, one
gather per position for all candidates at once. No torch, no object per candidate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nas.columns import Fold, Ints
from nas.cost import macs, params
from nas.graph import Graph
from nas.lattice import Lattice, build
from nas.space import Space

Floats = NDArray[np.float64]

#: columns of `Pricing.price`
MS, PARAMS, MACS = range(3)
CHUNK = 8192
"""Candidates priced at a time: their temporaries stay in the cache."""


class LatencyModel(Protocol):
    """What pricing needs of a device."""

    name: str

    @property
    def fixed_ms(self) -> float:
        """Milliseconds that every network costs."""

    def graph_ms(self, graph: Graph) -> Any:
        """Milliseconds of a (row) graph, additive over rows; a scalar or a column."""


class AccuracyModel(Protocol):
    """What pricing needs of a surrogate."""

    name: str
    features: Fold
    """Graph -> tuple of features, additive over rows."""

    def predict_features(self, x: Floats, resolution: Floats) -> tuple[Floats, Floats]:
        """(n, F), (n,) -> mean and standard deviation of top-1, each (n,)."""


@dataclass(frozen=True, eq=False)
class Pricing:
    """A space priced on one device and judged by one surrogate."""

    space: Space
    device: LatencyModel
    surrogate: AccuracyModel

    @cached_property
    def lattice(self) -> Lattice:
        """The space's lattice with `cost` (ms, params, macs) and `features` on every edge."""

        def cost(graph: Graph) -> tuple[Any, ...]:
            return self.device.graph_ms(graph), params(graph), macs(graph)

        folds: dict[str, Fold] = {"cost": cost, "features": self.surrogate.features}
        return build(self.space.table, folds)

    @cached_property
    def _cost(self) -> Callable[[Ints], Floats]:
        return _summed(self.lattice, "cost", 3)

    @cached_property
    def _features(self) -> Callable[[Ints], Floats]:
        width = next(
            v.shape[2] for ly in self.lattice.layers if (v := ly.values.get("features")) is not None
        )
        return _summed(self.lattice, "features", width)

    def price(self, codes: Ints) -> Floats:
        """(n, P) codes -> (n, 3): ms, params, macs; NaN for a code that cannot be built."""
        priced = self._cost(codes)
        priced[:, MS] += self.device.fixed_ms
        return priced

    def judge(self, codes: Ints) -> tuple[Floats, Floats]:
        """(n, P) codes -> estimated top-1 and its standard deviation, in points."""
        return self.surrogate.predict_features(self.features(codes), self.resolution(codes))

    def features(self, codes: Ints) -> Floats:
        """(n, P) codes -> (n, F) features of the surrogate."""
        return self._features(codes)

    def resolution(self, codes: Ints) -> Floats:
        """(n,) height of the input image."""
        heights = np.array([shape[1] for shape in self.space.table.inputs], float)
        return heights[codes[:, 0]]


def _summed(lattice: Lattice, name: str, width: int) -> Callable[[Ints], Floats]:
    """A function that sums the edge values `name` along each code's path.

    Every layer gets one more state, where edges that cannot stand lead and that costs NaN.
    """
    steps = []
    sinks = [len(layer.states) for layer in lattice.layers[1:]] + [len(lattice.ends)]
    for layer, sink in zip(lattice.layers, sinks, strict=True):
        states, options = layer.next.shape
        following = np.full((states + 1, options), sink, np.int32)
        following[:-1] = np.where(layer.next < 0, sink, layer.next)
        values = np.full((states + 1, options, width), np.nan)
        values[:-1] = layer.values.get(name, 0.0)
        values[:-1][layer.next < 0] = np.nan
        steps.append((options, following.ravel(), values.reshape(-1, width)))

    def total(codes: Ints) -> Floats:
        summed = np.empty((len(codes), width))
        for start in range(0, len(codes), CHUNK):
            part = np.ascontiguousarray(codes[start : start + CHUNK].T, dtype=np.int32)
            here = np.zeros((part.shape[1], width))
            state = np.zeros(part.shape[1], np.int32)
            for (options, following, values), gene in zip(steps, part, strict=True):
                edge = state * options + gene
                here += values.take(edge, axis=0)
                state = following.take(edge)
            summed[start : start + CHUNK] = here
        return summed

    return total
