"""What a step may do: every knob at the nearest width that meets the step's latency."""

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
    """One knob narrowed (or widened) so far that the step's latency is met."""

    group: WidthGroup
    width: int
    arch: Arch
    ms: float
    larger: DependencyGraph
    """Of the larger of both networks."""
    kept: Mask
    """Atoms of it that the smaller one has."""
    lost: float
    """Their importance."""


def proposals(
    arch: Arch,
    own: DependencyGraph,
    scores: Floats,
    ms: float,
    change_ms: float,
    plan: AdaptPlan,
    device: Device,
) -> list[Proposal]:
    """Proposals that change `ms` by `change_ms` or more, the least importance per ms lost first.

    Where no knob saves so much: the one change that saves most. `own` are the network's channels,
    `scores` what their atoms are worth.
    """
    listed = list(width_changes(arch, device, plan.divisor, grow=plan.grows))
    found: dict[WidthGroup, Proposal] = {}
    for change in listed:
        if change.group not in found and _fits(ms, change.ms, change_ms, plan):
            found.update((p.group, p) for p in _made(arch, change, own, scores, plan))
    if not found and not plan.grows:
        fastest = sorted(
            (change for change in listed if change.ms < ms), key=lambda change: change.ms
        )
        some = (p for change in fastest for p in _made(arch, change, own, scores, plan))
        found.update((p.group, p) for p in [next(some, None)] if p)
    best = sorted(found.values(), key=lambda p: p.lost / abs(ms - p.ms))
    return best[: plan.proposals or len(best)]


def _fits(before_ms: float, ms: float, change_ms: float, plan: AdaptPlan) -> bool:
    """Whether a step does what it is to; the last one only has to meet the budget."""
    if plan.grows:
        return before_ms + change_ms <= ms <= plan.budget_ms
    return ms <= max(before_ms - change_ms, plan.budget_ms) and ms < before_ms


def _made(
    arch: Arch, change: WidthChange, own: DependencyGraph, scores: Floats, plan: AdaptPlan
) -> Iterator[Proposal]:
    """The proposal of a move; none where its channels cannot be parted so."""
    with suppress(ArchError):
        made = with_rows(arch, change.rows)
        if plan.grows:
            larger, lost = DependencyGraph.of(made.graph), 0.0
            kept = larger.keep_mask(
                own.graph, -np.arange(larger.n_coupled, dtype=float)
            )  # the first
        else:
            larger, kept = own, own.keep_mask(made.graph, scores)
            lost = float(scores[~kept].sum())
        yield Proposal(change.group, change.width, made, change.ms, larger, kept, lost)


def smallest(arch: Arch, device: Device, divisor: int) -> tuple[float, Arch]:
    """The least latency found with every knob in turn at its fastest width; ms and the network."""
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
