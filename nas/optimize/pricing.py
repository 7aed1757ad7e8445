"""Prices of a space's candidates on a device and by a surrogate, a million a second.

Latency (an increasing function of a sum), parameters and MACs are additive over rows, and the
surrogate is a function of features that are: so a candidate's price is a sum of edge values along
its path through the layered space, one gather per position for all candidates at once. No torch, no
object per candidate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from nas.accuracy.surrogate import Surrogate
from nas.graph.cost import macs, params, peak_activation_elements
from nas.graph.fuse import fuse
from nas.graph.graph import Graph
from nas.latency.device import Device
from nas.optimize.avoid import FOLD, Avoided, Exclusion
from nas.space.columns import Floats, Fold, Ints
from nas.space.layered import LayeredSpace, build
from nas.space.space import Space

COST, FEATURES, PEAK = "cost", "features", "peak"
#: columns of `Pricing.price`; milliseconds of further devices follow
MS, PARAMS, MACS, OTHERS = range(4)
CHUNK = 8192
"""Candidates priced at a time: their temporaries stay in the cache."""


@dataclass(frozen=True, eq=False)
class Pricing:
    """A space priced on devices, with accuracies estimated by a surrogate."""

    space: Space
    device: Device
    surrogate: Surrogate
    others: tuple[Device, ...] = ()
    """Further devices with latency budgets."""
    avoided: Avoided = Avoided()
    """What no candidate may have."""

    @cached_property
    def layered(self) -> LayeredSpace:
        """The space as layers, with ms, params and macs on every edge, less what is avoided."""
        return self._whole if self.exclusion is None else self.exclusion.applied(self._whole)

    @cached_property
    def exclusion(self) -> Exclusion | None:
        """What is left out of the space.

        Raises:
            SpaceError: no network is left.
        """
        return self.avoided.exclude(self._whole) if self.avoided.labels else None

    @cached_property
    def _whole(self) -> LayeredSpace:
        """The space with its costs, and with what is avoided counted."""

        def cost(graph: Graph) -> tuple[Any, ...]:
            more = (device.graph_ms(graph) for device in self.others)
            return self.device.graph_ms(graph), params(graph), macs(graph), *more

        folds: dict[str, Fold] = {COST: cost}
        if self.avoided.labels:
            folds[FOLD] = self.avoided.counts
        return build(self.space.table, folds)

    @cached_property
    def layered_peaks(self) -> LayeredSpace:
        """The layered space with the peak of activation elements in each row."""
        peak = {PEAK: lambda graph: peak_activation_elements(fuse(graph))}
        whole = build(self.space.table, peak)
        return whole if self.exclusion is None else self.exclusion.applied(whole)

    @cached_property
    def layered_features(self) -> LayeredSpace:
        """The layered space with the surrogate's features; apart, since a budget may fail first."""
        return build(self.space.table, {FEATURES: self.surrogate.features})

    @cached_property
    def _cost(self) -> Callable[[Ints], Floats]:
        return _summed(self.layered, COST)

    @cached_property
    def _peak(self) -> Callable[[Ints], Floats]:
        return _summed(self.layered_peaks, PEAK, np.maximum)

    def edge_costs(self, column: int = MS) -> list[Floats]:
        """A column of `price` on every edge, (S, O) per layer; ms before `Device.correction`."""
        return self.layered.edges(COST, lambda cost: cost[..., column])

    def edge_peaks(self) -> list[Floats]:
        """Activation elements alive at once on every edge, one (S, O) per layer."""
        return self.layered_peaks.edges(PEAK, lambda peak: peak[..., 0])

    def edge_budget_ms(self, budget_ms: float) -> float:
        """Budget on the sum of milliseconds over a path's edges."""
        return self.device.correction.invert(budget_ms) - self.device.fixed_ms

    def edge_scores(self, weights: Floats) -> list[Floats]:
        """Features weighted by `weights` (F,), one (S, O) per layer."""
        return self.layered_features.edges(FEATURES, lambda features: features @ weights)

    def price(self, codes: Ints) -> Floats:
        """(n, P) codes -> (n, 3 + others): ms, params, macs, ms of others; NaN if none is built."""
        priced = self._cost(codes)
        for column, device in zip(self.ms_columns, self.devices, strict=True):
            priced[:, column] = device.correction.ms(priced[:, column] + device.fixed_ms)
        return priced

    def estimated_by(self, surrogate: Surrogate) -> Pricing:
        """The same prices with another surrogate of the same features; tables are shared."""
        other = replace(self, surrogate=surrogate)
        shared = ("layered", "_whole", "_cost", "layered_features", "features")
        other.__dict__.update({name: getattr(self, name) for name in shared})
        return other

    @property
    def devices(self) -> tuple[Device, ...]:
        """All devices, the first one first."""
        return self.device, *self.others

    @property
    def ms_columns(self) -> list[int]:
        """Columns of `price` with the milliseconds of each device."""
        return [MS, *range(OTHERS, OTHERS + len(self.others))]

    def peak_elements(self, codes: Ints) -> Floats:
        """(n, P) codes -> (n,) peak of activation elements of the fused network."""
        return self._peak(codes)[:, 0]

    def estimate(self, codes: Ints) -> tuple[Floats, Floats]:
        """(n, P) codes -> estimated top-1 and its standard deviation, in points."""
        return self.surrogate.predict_features(self.features(codes), self.resolution(codes))

    @cached_property
    def features(self) -> Callable[[Ints], Floats]:
        """(n, P) codes -> (n, F) features of the surrogate."""
        return _summed(self.layered_features, FEATURES)

    def resolution(self, codes: Ints) -> Floats:
        """(n,) height of the input image."""
        heights = np.array([shape[1] for shape in self.space.table.inputs], float)
        return heights[codes[:, 0]]


def _summed(layered: LayeredSpace, name: str, join: np.ufunc = np.add) -> Callable[[Ints], Floats]:
    """A function that sums, or joins by `join`, the edge values `name` along each code's path.

    Every layer gets one more state of value NaN, to which invalid edges lead.
    """
    padded = layered.edges(name, _with_sink)
    width = padded[-1].shape[-1]
    sinks = [len(layer.states) for layer in layered.layers[1:]] + [len(layered.ends)]
    steps = []
    for layer, values, sink in zip(layered.layers, padded, sinks, strict=True):
        following = np.where(layer.next < 0, sink, layer.next)
        following = np.append(following, np.full_like(following[:1], sink), axis=0)
        steps.append((layer.next.shape[1], following.astype(np.int32).ravel(), values))

    def total(codes: Ints) -> Floats:
        summed = np.empty((len(codes), width))
        for start in range(0, len(codes), CHUNK):
            part = np.ascontiguousarray(codes[start : start + CHUNK].T, dtype=np.int32)
            here = np.zeros((part.shape[1], width))
            state = np.zeros(part.shape[1], np.int32)
            for (options, following, values), gene in zip(steps, part, strict=True):
                edge = state * options + gene
                join(here, values.take(edge, axis=0), out=here)
                state = following.take(edge)
            here[state == sinks[-1]] = np.nan
            summed[start : start + CHUNK] = here
        return summed

    return total


def _with_sink(values: Floats) -> Floats:
    """(S, O, m) -> ((S + 1) * O, m) with NaN for the added state."""
    sink = np.full_like(values[:1], np.nan)
    return np.concatenate([values, sink]).reshape(-1, values.shape[-1])
