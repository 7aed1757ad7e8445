"""Result of a search: networks with their figures, for frames, notebooks and reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nas.accuracy.surrogate import Surrogate
from nas.files import html
from nas.latency.device import Device
from nas.optimize.limits import Limits
from nas.space.arch import Arch
from nas.space.space import Space
from nas.system.extras import require

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network with its predicted latency and estimated accuracy."""

    arch: Arch
    ms: float
    ms_low: float
    ms_high: float
    top1: float
    """Estimated, in points."""
    top1_sd: float

    def to_yaml(self, path: str | Path | None = None) -> str:
        """The network's table; also written to `path` if given."""
        return self.arch.to_yaml(path)

    def __repr__(self) -> str:
        ms = f"{self.ms:.3f} ms [{self.ms_low:.3f}, {self.ms_high:.3f}] predicted"
        top1 = f"top-1 {self.top1:.1f} ± {self.top1_sd:.1f} % estimated"
        return f"<Candidate {self.arch.name}: {ms}, {top1}>"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Networks that a search found, and its settings."""

    best: Candidate
    pareto: tuple[Candidate, ...]
    """Pareto front within the budget, fastest first; the last network is the best."""
    known: tuple[Candidate, ...]
    """Known networks of the space, fastest first, within and over the budget."""
    known_within: tuple[Candidate, ...]
    """Known networks that meet every limit."""
    confidence: float | None
    """Least probability of meeting the budget; None bounds the estimate itself."""
    risk_aversion: float
    """The objective was the estimate minus this many standard deviations."""
    optimality_gap: float
    """Gap of the last exact recombination, in points of top-1; 0 is proven optimal."""
    priced: int
    evaluated: int
    seconds: float
    space: Space
    device: Device
    surrogate: Surrogate
    seed: int
    limits: Limits
    others: tuple[Device, ...] = ()
    """Further devices with budgets."""
    shortlist: tuple[Candidate, ...] = ()
    """Best networks that differ enough to be worth training, best first."""

    @property
    def budget_ms(self) -> float:
        """Budget on the first device."""
        return self.limits.ms[0]

    @property
    def held_ms(self) -> float:
        """Bound on the estimate: the budget, or less at a confidence above one half."""
        return self.limits.held_ms[0]

    def elsewhere(self, arch: Arch) -> list[tuple[Device, float, float]]:
        """Further devices with a network's predicted milliseconds and the budget there."""
        return [
            (device, device.predict(arch).ms, most)
            for device, most in zip(self.others, self.limits.ms[1:], strict=True)
        ]

    def pareto_frame(self) -> DataFrame:
        """The front, fastest first; its last row is the best."""
        return self._frame(self.pareto)

    def known_frame(self) -> DataFrame:
        """Known networks of the space, fastest first."""
        return self._frame(self.known)

    def _frame(self, found: Sequence[Candidate]) -> DataFrame:
        rows = [
            {
                "name": each.arch.name,
                "arch_id": each.arch.arch_id,
                "predicted_ms": each.ms,
                "predicted_ms_low": each.ms_low,
                "predicted_ms_high": each.ms_high,
                "probability_within_budget": self.probability(each),
                "estimated_top1": each.top1,
                "estimated_top1_sd": each.top1_sd,
                "params": each.arch.params,
                "macs": each.arch.macs,
            }
            for each in found
        ]
        return require("notebook").DataFrame(rows)

    def __repr__(self) -> str:
        asked = f"{self.space.name} on {self.device.name} within {self.budget_ms:g} ms"
        return f"<SearchResult {asked}: {len(self.pareto)} on the front, best {self.best!r}>"

    def _repr_html_(self) -> str:
        rows = [
            [
                each.arch.name,
                f"{each.ms:.3f} [{each.ms_low:.3f}, {each.ms_high:.3f}]",
                f"{each.top1:.1f} ± {each.top1_sd:.1f}",
                f"{each.arch.params / 1e6:,.2f}",
                f"{each.arch.macs / 1e6:,.1f}",
            ]
            for each in reversed(self.pareto)
        ]
        heads = ("predicted ms", "estimated top-1 %", "params, M", "MACs, M")
        title = f"{self.space.name} on {self.device.name} within {self.budget_ms:g} ms: best first"
        return html.table(("network",), heads, rows, title=title)

    def probability(self, found: Candidate) -> float:
        """Probability that a network meets its budget, the least over all devices."""
        where = [(self.device, found.ms, self.budget_ms), *self.elsewhere(found.arch)]
        return min(device.probability_within(ms, most) for device, ms, most in where)
