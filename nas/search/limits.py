"""Hard limits: latency on one device or several, parameters, MACs, peak activations.

What is over one is never judged, trained or reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from nas.columns import Floats, Ints
from nas.errors import InfeasibleError
from nas.pricing import MACS, PARAMS, Pricing
from nas.search.exact import fastest


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a network may need; what is infinite does not count."""

    ms: tuple[float, ...]
    """On each device of the pricing."""
    ratios: tuple[float, ...]
    """Of a latency's bound over its estimate, at the confidence that is asked for."""
    params: float = inf
    macs: float = inf
    peak_elements: float = inf
    """Activation elements alive at once, of the fused network."""

    @property
    def held_ms(self) -> tuple[float, ...]:
        """What the estimates are held under."""
        return tuple(ms / ratio for ms, ratio in zip(self.ms, self.ratios, strict=True))

    def within(self, pricing: Pricing, codes: Ints, prices: Floats) -> NDArray[np.bool_]:
        """(n,) whether codes (n, P) with their prices keep all; what cannot be built does not."""
        kept: NDArray[np.bool_] = np.all(prices[:, pricing.ms_columns] <= self.held_ms, axis=1)
        kept &= (prices[:, PARAMS] <= self.params) & (prices[:, MACS] <= self.macs)
        if self.peak_elements < inf:
            kept[kept] = pricing.peak_elements(codes[kept]) <= self.peak_elements
        return kept

    def share(self, pricing: Pricing, prices: Floats) -> Floats:
        """(n,) part that is used of the budget which is nearest to be spent; 1 without budgets."""
        shares: Floats = (prices[:, pricing.ms_columns] / self.held_ms).max(axis=1)
        return np.where(shares > 0, shares, 1)

    def least(self, pricing: Pricing) -> Ints:
        """(k, P) codes that need least of what is limited, each a shortest path.

        Raises:
            InfeasibleError: one of them is over its limit, so every network is.
        """
        codes = []
        for column, limit in self._additive(pricing):
            code = fastest(pricing.lattice, pricing.edge_costs(column)).code
            found = float(pricing.price(code[None])[0, column])
            if found > limit:
                raise self._infeasible(pricing, code, column, found)
            codes.append(code)
        return np.array(codes)

    def _additive(self, pricing: Pricing) -> Iterator[tuple[int, float]]:
        """Column of the price and limit of what is a sum over rows."""
        yield from zip(pricing.ms_columns, self.held_ms, strict=True)
        for column, limit in ((PARAMS, self.params), (MACS, self.macs)):
            if limit < inf:
                yield column, limit

    def _infeasible(
        self, pricing: Pricing, code: Ints, column: int, found: float
    ) -> InfeasibleError:
        space, arch = pricing.space, pricing.space.decode(code)
        if column in (PARAMS, MACS):
            what, limit = {
                PARAMS: ("parameters", self.params),
                MACS: ("MACs", self.macs),
            }[column]
            return InfeasibleError(
                f"no network of {space.name} has at most {limit:,.0f} {what}:"
                f" the smallest has {found:,.0f}",
                smallest_ms=float(pricing.price(code[None])[0, 0]),
                arch=arch,
            )
        index = pricing.ms_columns.index(column)
        device, ratio = pricing.devices[index], self.ratios[index]
        bound_ms = found * ratio
        sure = "" if ratio == 1 else f", its bound at that confidence is {bound_ms:.3f} ms"
        return InfeasibleError(
            f"no network of {space.name} runs within {self.ms[index]:g} ms on"
            f" {device.name}: the fastest is predicted at {found:.3f} ms{sure}",
            smallest_ms=bound_ms,
            arch=arch,
        )

    def none_found(self, pricing: Pricing, fastest_code: Ints, tried: int) -> InfeasibleError:
        """Each limit alone can be kept, but no network was found that keeps all."""
        return InfeasibleError(
            f"no network of {pricing.space.name} was found that keeps every limit at once, though"
            f" each alone can be kept; {tried:,} were tried",
            smallest_ms=float(pricing.price(fastest_code[None])[0, 0]) * self.ratios[0],
            arch=pricing.space.decode(fastest_code),
        )
