"""The proposals of a step: each width group at the nearest width with enough latency change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from nas.adapt.dependencies import DependencyGraph, Mask
from nas.adapt.plan import AdaptPlan
from nas.adapt.width_changes import WidthChange, width_changes, with_rows
from nas.adapt.width_groups import WidthGroup, width_groups
from nas.errors import ArchError
from nas.latency.device import Device
from nas.space.arch import Arch
from nas.space.columns import Floats


@dataclass(frozen=True, slots=True)
class Proposal:
    """One width group at the width that meets the step's latency change."""

    group: WidthGroup
    width: int
    arch: Arch
    ms: float
    larger: DependencyGraph
    """The dependency graph of the larger network: before the step, or after it if it grows."""
    kept: Mask
    """(n_coupled,) mask of its channels that the smaller network has."""
    lost: float
    """Total importance of the removed channels."""


@dataclass(frozen=True, slots=True)
class Current:
    """The network before a step."""

    arch: Arch
    ms: float
    """Predicted latency."""
    channels: DependencyGraph
    scores: Floats
    """(n_coupled,) importance of the sets of coupled channels."""

    def proposals(self, change_ms: float, plan: AdaptPlan, device: Device) -> list[Proposal]:
        """Proposals that change the latency by at least `change_ms`.

        If no width group can save so much, the one change that saves most. The proposals are sorted
        by the importance that is lost per millisecond, least first.
        """
        changes = list(width_changes(self.arch, device, plan.divisor, grow=plan.grows))
        found: dict[WidthGroup, Proposal] = {}
        for change in changes:
            if change.group not in found and self._fits(change.ms, change_ms, plan):
                found.update((p.group, p) for p in self._proposal(change, plan))
        if not found and not plan.grows:
            faster = (change for change in changes if change.ms < self.ms)
            fastest = sorted(faster, key=lambda change: change.ms)
            some = (p for change in fastest for p in self._proposal(change, plan))
            found.update((p.group, p) for p in [next(some, None)] if p)
        best = sorted(found.values(), key=lambda p: p.lost / abs(self.ms - p.ms))
        return best[: plan.proposals or len(best)]

    def _fits(self, ms: float, change_ms: float, plan: AdaptPlan) -> bool:
        """Whether a latency meets the step's change; the last step only has to meet the budget."""
        if plan.grows:
            return self.ms + change_ms <= ms <= plan.budget_ms
        return ms <= max(self.ms - change_ms, plan.budget_ms) and ms < self.ms

    def _proposal(self, change: WidthChange, plan: AdaptPlan) -> Iterator[Proposal]:
        """Yield the proposal of a width change, unless it separates coupled channels."""
        with suppress(ArchError):
            made = with_rows(self.arch, change.rows)
            if plan.grows:
                larger, lost = DependencyGraph.of(made.graph), 0.0
                first_best = -np.arange(larger.n_coupled, dtype=float)
                kept = larger.keep_mask(self.channels.graph, first_best)
            else:
                larger, kept = self.channels, self.channels.keep_mask(made.graph, self.scores)
                lost = float(self.scores[~kept].sum())
            yield Proposal(change.group, change.width, made, change.ms, larger, kept, lost)


def smallest(arch: Arch, device: Device, divisor: int) -> tuple[float, Arch]:
    """The smallest latency found by setting each group in turn to its fastest width.

    Returns:
        Latency in milliseconds, and the network.
    """
    own, ms = arch, device.predict(arch).ms
    for name in [group.name for group in width_groups(arch)]:
        group = [group for group in width_groups(own) if group.name == name]
        channels = DependencyGraph.of(own.graph)
        for change in sorted(
            width_changes(own, device, divisor, of=group), key=lambda change: change.ms
        ):
            with suppress(ArchError):
                made = with_rows(own, change.rows)
                channels.keep_mask(made.graph, np.zeros(channels.n_coupled))
                if change.ms < ms:
                    own, ms = made, change.ms
                break
    return ms, own
