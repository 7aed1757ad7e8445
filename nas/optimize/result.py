"""Result of a search: networks with their figures, for frames, notebooks and reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nas.accuracy.selection import CorrectedEstimate
from nas.accuracy.surrogate import AccuracyEstimate, Surrogate
from nas.files import html
from nas.latency.device import Device
from nas.optimize.avoid import Avoided
from nas.optimize.limits import Limits
from nas.space.arch import Arch
from nas.space.space import Space
from nas.system.extras import require

if TYPE_CHECKING:
    from pandas import DataFrame


class BestPublished(NamedTuple):
    """The best published supervised network of a size."""

    network: str
    top1: float

    def __str__(self) -> str:
        return f"best published of this size: {self.network} {self.top1:.1f}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network with its predicted latency and estimated accuracy."""

    arch: Arch
    ms: float
    ms_low: float
    ms_high: float
    top1: float
    """Estimated for supervised training, in points."""
    top1_sd: float
    distilled: AccuracyEstimate | None = None
    """The estimate for training with a teacher; None in results that have none."""
    corrected: CorrectedEstimate | None = None
    """The supervised estimate with its interval, for a network that a search selected."""
    best_published: BestPublished | None = None
    """The best published supervised network of its size, beside `corrected`."""

    @property
    def supervised(self) -> AccuracyEstimate:
        """The estimate for supervised training, corrected if a search selected the network."""
        return AccuracyEstimate(self.top1, self.top1_sd)

    @property
    def uncorrected(self) -> AccuracyEstimate:
        """The estimate that a search compares."""
        own = self.corrected
        return own.uncorrected if own else self.supervised

    @property
    def supervised_text(self) -> str:
        """`79.8 [78.4, 80.9] %, estimated; best published of this size: CAS-ViT-S 80.2`."""
        if (own := self.corrected) is None:
            return f"{self.top1:.1f} ± {self.top1_sd:.1f} %, estimated"
        best = self.best_published
        beside = f"; {best}" if best else ""
        return f"{own.top1:.1f} [{own.low:.1f}, {own.high:.1f}] %, estimated{beside}"

    def to_yaml(self, path: str | Path | None = None) -> str:
        """The network's table; also written to `path` if given."""
        return self.arch.to_yaml(path)

    def estimates(self) -> dict[str, float]:
        """Column -> figure: estimated top-1, supervised and distilled apart."""
        columns = {"estimated_top1": self.top1, "estimated_top1_sd": self.top1_sd}
        if own := self.distilled:
            columns["estimated_top1_distilled"] = own.top1
            columns["estimated_top1_distilled_sd"] = own.sd
        return columns

    def __repr__(self) -> str:
        ms = f"{self.ms:.3f} ms [{self.ms_low:.3f}, {self.ms_high:.3f}] predicted"
        top1 = f"top-1 {self.top1:.1f} ± {self.top1_sd:.1f} % estimated"
        return f"<Candidate {self.arch.name}: {ms}, {top1}>"


@dataclass(frozen=True, slots=True)
class DeviceLatency:
    """Predicted latency of a network on a device, with the budget there."""

    device: Device
    ms: float
    ms_low: float
    ms_high: float
    budget_ms: float
    held_ms: float
    """Bound on `ms`: the budget, or less at a confidence above one half."""
    flags: tuple[str, ...] = ()
    """Reasons to distrust the prediction."""
    leaves: bool = False
    """Whether an op may leave the accelerator."""

    @property
    def over(self) -> bool:
        """Whether the network misses the budget."""
        return self.ms > self.held_ms

    @property
    def probability(self) -> float:
        """Probability that the network meets the budget."""
        return self.device.probability_within(self.ms, self.budget_ms, leaves=self.leaves)


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
    avoided: Avoided = Avoided()
    """What no network may have."""
    left_out: tuple[str, ...] = ()
    """What of it the space has: names of blocks, ops, activations and rules."""
    path: Path | None = None
    """The folder of the result; None if it was not written."""
    _latencies: dict[str, list[DeviceLatency]] = field(
        default_factory=dict, repr=False, compare=False
    )
    """Predictions already made, by `arch_id`."""

    @property
    def budget_ms(self) -> float:
        """Budget on the first device."""
        return self.limits.ms[0]

    @property
    def held_ms(self) -> float:
        """Bound on the estimate: the budget, or less at a confidence above one half."""
        return self.limits.held_ms[0]

    @property
    def devices(self) -> tuple[Device, ...]:
        """All devices with budgets, in the order given."""
        return self.device, *self.others

    def latencies(self, arch: Arch) -> list[DeviceLatency]:
        """Predicted latency of a network on every device."""
        if arch.arch_id not in self._latencies:
            each = zip(self.devices, self.limits.ms, self.limits.held_ms, strict=True)
            self._latencies[arch.arch_id] = [
                DeviceLatency(
                    device, p.ms, p.low_ms, p.high_ms, budget_ms, held_ms, p.flags, p.leaves
                )
                for device, budget_ms, held_ms in each
                for p in (device.predict(arch),)
            ]
        return self._latencies[arch.arch_id]

    def latency_cells(self, arch: Arch) -> dict[str, float]:
        """Column -> figure: latency and its interval; names of further devices are in columns."""
        cells: dict[str, float] = {}
        for number, own in enumerate(self.latencies(arch)):
            of = f"_{own.device.name}" if number else ""
            cells |= {
                f"predicted_ms{of}": own.ms,
                f"predicted_ms_low{of}": own.ms_low,
                f"predicted_ms_high{of}": own.ms_high,
            }
        return cells

    def pareto_frame(self) -> DataFrame:
        """The front, fastest first; its last row is the best."""
        return self._frame(self.pareto)

    def known_frame(self) -> DataFrame:
        """Known networks of the space, fastest first."""
        return self._frame(self.known)

    def _frame(self, found: Sequence[Candidate]) -> DataFrame:
        rows = [
            {"name": each.arch.name, "arch_id": each.arch.arch_id}
            | self.latency_cells(each.arch)
            | {
                "probability_within_budget": self.probability(each),
                **each.estimates(),
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
                f"{each.distilled.top1:.1f} ± {each.distilled.sd:.1f}" if each.distilled else None,
                f"{each.arch.params / 1e6:,.2f}",
                f"{each.arch.macs / 1e6:,.1f}",
            ]
            for each in reversed(self.pareto)
        ]
        heads = (
            "predicted ms",
            "estimated top-1 %, supervised",
            "estimated top-1 %, distilled",
            "params, M",
            "MACs, M",
        )
        title = f"{self.space.name} on {self.device.name} within {self.budget_ms:g} ms: best first"
        return html.table(("network",), heads, rows, title=title)

    def probability(self, found: Candidate) -> float:
        """Probability that a network meets every budget; errors of devices are independent."""
        return math.prod(latency.probability for latency in self.latencies(found.arch))
