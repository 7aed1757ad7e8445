"""Hard limits: latency on one device or several, parameters, MACs, peak activations.

A network over a limit is not evaluated, trained or reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from nas.errors import InfeasibleError, Quantity
from nas.optimize.exact import fastest, lowest
from nas.optimize.pricing import MACS, PARAMS, Pricing
from nas.space.arch import Arch
from nas.space.columns import Floats, Ints

WORDS: Mapping[Quantity, str] = {
    "params": "parameters",
    "macs": "MACs",
    "peak_elements": "activation elements alive at once",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds on a network; infinite ones do not count."""

    ms: tuple[float, ...]
    """Budget on each device of the pricing."""
    ratios: tuple[float, ...]
    """Ratio of the latency's bound at the requested confidence to its estimate, per device."""
    params: float = inf
    macs: float = inf
    peak_elements: float = inf
    """Activation elements alive at once, of the fused network."""

    @property
    def held_ms(self) -> tuple[float, ...]:
        """Bounds on the estimates."""
        return tuple(ms / ratio for ms, ratio in zip(self.ms, self.ratios, strict=True))

    def within(self, pricing: Pricing, codes: Ints, prices: Floats) -> NDArray[np.bool_]:
        """(n,) whether codes (n, P) of these prices meet all limits; invalid codes do not."""
        kept: NDArray[np.bool_] = np.all(prices[:, pricing.ms_columns] <= self.held_ms, axis=1)
        kept &= (prices[:, PARAMS] <= self.params) & (prices[:, MACS] <= self.macs)
        if self.peak_elements < inf:
            kept[kept] = pricing.peak_elements(codes[kept]) <= self.peak_elements
        return kept

    def share(self, pricing: Pricing, prices: Floats) -> Floats:
        """(n,) largest share of a budget that latency uses; 1 without budgets."""
        shares: Floats = (prices[:, pricing.ms_columns] / self.held_ms).max(axis=1)
        return np.where(shares > 0, shares, 1)

    def least(self, pricing: Pricing) -> Ints:
        """(k, P) codes, each an exact path of the least value of one limited quantity.

        Raises:
            InfeasibleError: one of them exceeds its limit, so every network does.
        """
        codes = []
        for limit in self._each(pricing):
            code = limit.least(pricing)
            need = float(limit.needs(pricing, code[None])[0])
            if need > limit.held:
                raise limit.infeasible(pricing, code, need)
            codes.append(code)
        return np.array(codes)

    def _each(self, pricing: Pricing) -> Iterator[_Limit]:
        """Finite limits, and the first device's milliseconds in any case."""
        for number, (most, held) in enumerate(zip(self.ms, self.held_ms, strict=True)):
            yield _Limit("ms", most, held, pricing.ms_columns[number], pricing.devices[number].name)
        further: tuple[tuple[Quantity, float, int | None], ...] = (
            ("params", self.params, PARAMS),
            ("macs", self.macs, MACS),
            ("peak_elements", self.peak_elements, None),
        )
        for quantity, most, column in further:
            if most < inf:
                yield _Limit(quantity, most, most, column)

    def none_found(self, pricing: Pricing, codes: Ints, tried: int) -> InfeasibleError:
        """The error if each limit alone can be met, but no network was found that meets all.

        It names the code of (k, P) that is nearest, with its value of the limit it breaks most.
        """
        limits = list(self._each(pricing))
        needs = np.array([limit.needs(pricing, codes) for limit in limits])
        over = needs / np.array([limit.held for limit in limits])[:, None]
        nearest = int(over.max(axis=0).argmin())
        broken = int(over[:, nearest].argmax())
        return limits[broken].error(
            f"no network of {_searched(pricing)} was found that keeps every limit at once, though"
            f" each alone can be kept; {tried:,} were tried",
            pricing.space.decode(codes[nearest]),
            float(needs[broken, nearest]),
        )


def _searched(pricing: Pricing) -> str:
    """The space, and what it was searched without."""
    found = pricing.exclusion.found if pricing.exclusion else ()
    return pricing.space.name + (f" without {' and '.join(found)} (see --avoid)" if found else "")


@dataclass(frozen=True, slots=True)
class _Limit:
    """One of the limits."""

    quantity: Quantity
    most: float
    """The limit as requested."""
    held: float
    """Upper bound on the prediction."""
    column: int | None
    """Column of the price; None for the peak, which is not a sum."""
    device: str = ""
    """Device of a limit on milliseconds."""

    def needs(self, pricing: Pricing, codes: Ints) -> Floats:
        """(n, P) codes -> (n,) values of the limited quantity."""
        if self.column is None:
            return pricing.peak_elements(codes)
        return pricing.price(codes)[:, self.column]

    def least(self, pricing: Pricing) -> Ints:
        """(P,) code of the least value."""
        if self.column is None:
            return lowest(pricing.layered_peaks, pricing.edge_peaks())
        return fastest(pricing.layered, pricing.edge_costs(self.column)).code

    def infeasible(self, pricing: Pricing, code: Ints, need: float) -> InfeasibleError:
        """The error if even the code of the least value exceeds the limit."""
        if self.quantity == "ms":
            bound_ms = need * self.most / self.held
            sure = f", its bound at that confidence is {bound_ms:.3f} ms"
            can = f"runs within {self.most:g} ms on {self.device}"
            found = f"the fastest is predicted at {need:.3f} ms"
            found += sure if self.held != self.most else ""
        else:
            can = f"has at most {self.most:,.0f} {WORDS[self.quantity]}"
            found = f"the smallest has {need:,.0f}"
        message = f"no network of {_searched(pricing)} {can}: {found}"
        return self.error(message, pricing.space.decode(code), need)

    def error(self, message: str, arch: Arch, need: float) -> InfeasibleError:
        """The error of a network with this value; milliseconds become the budget they need."""
        return InfeasibleError(
            message,
            arch=arch,
            smallest=need * self.most / self.held,
            quantity=self.quantity,
            device=self.device,
        )
