"""What a step may do: every knob at the nearest width that meets the step's latency."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from nas.adapt.channels import Channels, Mask
from nas.adapt.knobs import Knob, knobs
from nas.adapt.moves import Move, moves, narrowed
from nas.adapt.plan import AdaptPlan
from nas.errors import ArchError
from nas.latency.device import Device
from nas.space.arch import Arch
from nas.space.columns import Floats


@dataclass(frozen=True, slots=True)
class Proposal:
    """One knob narrowed (or widened) so far that the step's latency is met."""

    knob: Knob
    width: int
    arch: Arch
    ms: float
    larger: Channels
    """Of the larger of both networks."""
    kept: Mask
    """Atoms of it that the smaller one has."""
    lost: float
    """Their importance."""


def proposals(
    arch: Arch,
    own: Channels,
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
    listed = list(moves(arch, device, plan.divisor, grow=plan.grows))
    found: dict[Knob, Proposal] = {}
    for move in listed:
        if move.knob not in found and _fits(ms, move.ms, change_ms, plan):
            found.update((p.knob, p) for p in _made(arch, move, own, scores, plan))
    if not found and not plan.grows:
        fastest = sorted((move for move in listed if move.ms < ms), key=lambda move: move.ms)
        some = (p for move in fastest for p in _made(arch, move, own, scores, plan))
        found.update((p.knob, p) for p in [next(some, None)] if p)
    best = sorted(found.values(), key=lambda p: p.lost / abs(ms - p.ms))
    return best[: plan.proposals or len(best)]


def _fits(before_ms: float, ms: float, change_ms: float, plan: AdaptPlan) -> bool:
    """Whether a step does what it is to; the last one only has to meet the budget."""
    if plan.grows:
        return before_ms + change_ms <= ms <= plan.budget_ms
    return ms <= max(before_ms - change_ms, plan.budget_ms) and ms < before_ms


def _made(
    arch: Arch, move: Move, own: Channels, scores: Floats, plan: AdaptPlan
) -> Iterator[Proposal]:
    """The proposal of a move; none where its channels cannot be parted so."""
    with suppress(ArchError):
        made = narrowed(arch, move.rows)
        if plan.grows:
            larger, lost = Channels.of(made.graph), 0.0
            kept = larger.keep(own.graph, -np.arange(larger.n_atoms, dtype=float))  # the first
        else:
            larger, kept = own, own.keep(made.graph, scores)
            lost = float(scores[~kept].sum())
        yield Proposal(move.knob, move.width, made, move.ms, larger, kept, lost)


def smallest(arch: Arch, device: Device, divisor: int) -> tuple[float, Arch]:
    """The least latency found with every knob in turn at its fastest width; ms and the network."""
    own, ms = arch, device.predict(arch).ms
    for name in [knob.name for knob in knobs(arch)]:
        knob = [knob for knob in knobs(own) if knob.name == name]
        channels = Channels.of(own.graph)
        for move in sorted(moves(own, device, divisor, of=knob), key=lambda move: move.ms):
            with suppress(ArchError):
                made = narrowed(own, move.rows)
                channels.keep(made.graph, np.zeros(channels.n_atoms))
                if move.ms < ms:
                    own, ms = made, move.ms
                break
    return ms, own
