"""Which networks of a space a step trains: the largest, the smallest and random ones.

No network above the budget is drawn. Random ones are drawn evenly over bins of predicted latency,
or of MACs without a device: in each bin from the samples of the layered space, tilted towards the
bin's cost (exponential tilting), so few samples miss it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nas.errors import InfeasibleError, positive_budget_ms
from nas.graph.cost import macs
from nas.graph.graph import Graph
from nas.latency.device import Device
from nas.space.columns import Floats, Ints
from nas.space.layered import LayeredSpace, build
from nas.space.space import Code, Space
from nas.supernet.paths import best_path, sums
from nas.supernet.tilt import Tilt, tilted

BINS = 10
"""Of equal width, between the smallest network and the largest within the budget."""
TRIES = 16
"""Samples of which the first in a bin is taken."""
SWEEPS = 16
"""Steps of the search for the price at which the largest network meets the budget."""
COSTS = "costs"
NO_ROWS = -1
"""In place of the op of an option without rows, which every draw of ops allows."""


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws codes of a space."""

    space: Space
    device: Device | None = None
    budget_ms: float | None = None

    def __post_init__(self) -> None:
        if self.budget_ms is not None:
            positive_budget_ms(self.budget_ms)
        if self.cost_of(self.smallest) > self.limit:
            self._refuse()

    @cached_property
    def layered(self) -> LayeredSpace:
        """The space with the cost and the MACs of every edge."""

        def costs(graph: Graph) -> tuple[Any, ...]:
            own = macs(graph)
            return own if self.device is None else self.device.graph_ms(graph), own

        return build(self.space.table, {COSTS: costs})

    @cached_property
    def costs(self) -> list[Floats]:
        """(S, O) per layer: milliseconds before `Device.correction`, or MACs without a device."""
        return self.layered.edges(COSTS, lambda found: found[..., 0])

    @cached_property
    def macs(self) -> list[Floats]:
        """(S, O) per layer."""
        return self.layered.edges(COSTS, lambda found: found[..., 1])

    @cached_property
    def limit(self) -> float:
        """Largest cost that is allowed."""
        if self.budget_ms is None or self.device is None:
            return np.inf
        return self.device.correction.invert(self.budget_ms) - self.device.fixed_ms

    def cost_of(self, code: Code) -> float:
        """Cost of the network of a code, in the unit of `costs`."""
        return float(sums(self.layered, self.costs, np.array([code]))[0])

    @cached_property
    def smallest(self) -> Code:
        """The network of least cost."""
        found = best_path(self.layered, [-cost for cost in self.costs], self._all)
        assert found is not None
        return found

    @cached_property
    def largest(self) -> Code:
        """The network of most MACs within the budget, over all ops."""
        found = self._within(self._all)
        return found or self.smallest

    def largest_of(self, rng: np.random.Generator) -> Code:
        """The network of most MACs within the budget, if each place has an op that is drawn."""
        for _ in range(TRIES):
            drawn = tuple(int(rng.choice(own)) for own in self._ops)
            if drawn not in self._known:
                allowed = [
                    np.flatnonzero((ops == op) | (ops == NO_ROWS))
                    for ops, op in zip(self._op_of, drawn, strict=True)
                ]
                self._known[drawn] = self._within(allowed)
            if (found := self._known[drawn]) is not None:
                return found
        return self.largest

    def random(self, rng: np.random.Generator) -> Code:
        """A random network within the budget, its cost in a bin that is drawn."""
        edges, tilts = self._bins
        number = int(rng.integers(BINS))
        codes = tilts[number].sample(TRIES, rng)
        cost = sums(self.layered, self.costs, codes)
        low, high = edges[number : number + 2]
        miss = np.maximum(low - cost, cost - high).clip(min=0)
        miss[cost > self.limit] = np.inf
        best = int(miss.argmin())
        return self.smallest if miss[best] == np.inf else _code(codes[best])

    @property
    def range_of_costs(self) -> tuple[float, float]:
        """Costs of the cheapest network, and of the costliest within the budget."""
        return self.cost_of(self.smallest), min(self.cost_of(self._costliest), self.limit)

    @cached_property
    def _bins(self) -> tuple[Floats, list[Tilt]]:
        edges = np.linspace(*self.range_of_costs, BINS + 1)
        centres = (edges[1:] + edges[:-1]) / 2
        return edges, [tilted(self.layered, self.costs, float(centre)) for centre in centres]

    @cached_property
    def _costliest(self) -> Code:
        found = best_path(self.layered, self.costs, self._all)
        assert found is not None
        return found

    @cached_property
    def _known(self) -> dict[tuple[int, ...], Code | None]:
        return {}

    @cached_property
    def _all(self) -> list[Ints]:
        return [np.arange(layer.next.shape[1]) for layer in self.layered.layers]

    @cached_property
    def _op_of(self) -> list[Ints]:
        """(O,) per layer: the number of an option's op; of a selector, of its branch."""
        found = []
        for layer in self.layered.layers:
            options = layer.position.options
            if layer.position.selects:
                found.append(np.arange(len(options)))
                continue
            names = sorted({option[0].op for option in options if option})
            found.append(np.array([names.index(own[0].op) if own else NO_ROWS for own in options]))
        return found

    @cached_property
    def _ops(self) -> list[Ints]:
        """Numbers of the ops that a layer chooses between."""
        return [np.unique(own[own != NO_ROWS]) if own.max() >= 0 else own for own in self._op_of]

    def _within(self, allowed: Sequence[Ints]) -> Code | None:
        """The path of most MACs within the budget that a Lagrange multiplier finds."""
        best = best_path(self.layered, self.macs, allowed)
        if best is None or self.cost_of(best) <= self.limit:
            return best
        best, low, high = None, 0.0, 1.0
        most = sum(float(own.max()) for own in self.macs) / self.limit
        for _ in range(SWEEPS):
            price = (high if best is None else (low + high) / 2) * most
            scores = [gain - price * cost for gain, cost in zip(self.macs, self.costs, strict=True)]
            found = best_path(self.layered, scores, allowed)
            if found is not None and self.cost_of(found) <= self.limit:
                best, high = found, price / most
            else:
                low, high = price / most, high * 4 if best is None else high
        return best

    def _refuse(self) -> None:
        device, arch = self.device, self.space.decode(self.smallest)
        assert device is not None
        least = float(device.correction.ms(self.cost_of(self.smallest) + device.fixed_ms))
        raise InfeasibleError(
            f"no network of {self.space.name} runs within {self.budget_ms:g} ms on {device.name};"
            f" the smallest takes {least:.3g} ms",
            arch=arch,
            smallest=least,
            device=device.name,
        )


def _code(genes: Ints) -> Code:
    return tuple(map(int, genes))
