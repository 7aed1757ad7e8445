"""The widths of a network as a search space, and its exact solution by a knapsack.

The space has the network's rows. The first cell of each width group chooses a width, and the cells
that follow it are ratios of their input width, so the surrogate's search works as in any space. If
the loss is a sum over width groups (the importance of the removed channels), the best widths within
a budget are a longest path with one resource: a knapsack with exact latencies, since a row's
latency depends on its input width and its own widths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from nas.adapt.dependencies import ChannelGroup, DependencyGraph, structure
from nas.adapt.width_changes import other_widths, with_rows
from nas.adapt.width_groups import WidthGroup, width_groups
from nas.errors import ArchError, InfeasibleError
from nas.graph.graph import Graph
from nas.graph.ops import Shape
from nas.graph.widths import Plus, Ratio
from nas.latency.device import Device
from nas.optimize.exact import Solution, fastest, solve, undominated
from nas.space.arch import Arch, lower_alone
from nas.space.columns import Floats
from nas.space.layered import LayeredSpace, build
from nas.space.rules import Rules
from nas.space.space import Space
from nas.space.table import Option, Position, Table

MOST = 16
"""Largest number of widths of a group in the space, evenly spaced."""
MS, LAYERS = "ms", "layers"

GroupValues = Mapping[WidthGroup, Floats]
"""(width + 1,) for each width group: total importance of its channels if so many are kept."""


def width_space(
    arch: Arch, divisor: int = 8, *, grow: bool = False, rules: Rules | None = None
) -> Space:
    """The space of all networks with the same layers at other widths, and the given one."""
    every = width_groups(arch)
    positions = []
    for number in range(len(arch.rows)):
        found = _options(arch, number, every, arch.shapes[number], divisor, grow=grow)
        positions.append(Position(tuple(dict.fromkeys(found)), number + 1))
    name, known, rules = f"{arch.name}, widths", arch.conventions, rules or Rules()
    inputs, rows = (arch.input,), tuple(positions)
    return Space(Table(name, arch.source, inputs, rows, conventions=known, rules=rules))


def _options(
    arch: Arch, number: int, every: Sequence[WidthGroup], shape: Shape, divisor: int, *, grow: bool
) -> Iterator[Option]:
    row = arch.rows[number]
    leads = [group for group in every if group.cells[0][0] == number]
    follows = {
        column: Ratio(getattr(row, column) / shape[0])
        for group in every
        if group not in leads
        for at, column in group.cells
        if at == number and column != "heads"
    }
    sums = {column: Plus(getattr(row, column) - shape[0]) for column in row.adds}
    base = replace(row, **follows, **sums)
    for widths in product(*(_tried(arch, group, divisor, grow=grow) for group in leads)):
        cells: dict[str, Any] = {}
        for group, width in zip(leads, widths, strict=True):
            for (at, column), value in zip(group.cells, group.values, strict=True):
                if at == number:
                    cells[column] = value * width // group.width
        yield (replace(base, **cells),)


def _tried(arch: Arch, group: WidthGroup, divisor: int, *, grow: bool) -> list[int]:
    """The widths of a group in the space, its present one first."""
    found = [width for width, _ in other_widths(arch, group, divisor, grow=grow)]
    if len(found) > MOST:
        found = [found[i] for i in np.linspace(0, len(found) - 1, MOST).round().astype(int)]
    return [group.width, *found]


def knapsack(
    arch: Arch, device: Device, budget_ms: float, worth: GroupValues, divisor: int = 8
) -> tuple[Arch, Solution]:
    """The widths within a latency budget that keep the most important channels.

    Args:
        arch: The trained network.
        device: Predicts latencies.
        budget_ms: Latency budget in milliseconds.
        worth: Importance of each group's channels, as `group_values`.
        divisor: Widths are its multiples.

    Returns:
        The network and the solution, which says how far it may be from the optimum.

    Raises:
        InfeasibleError: no widths meet the budget; it has the fastest network.
    """
    space = width_space(arch, divisor)
    number_of = _numbering()
    folds = {MS: device.graph_ms, LAYERS: number_of}
    layered = _same_layers(build(space.table, folds), arch, number_of)
    ms = layered.edges(MS, lambda values: values[..., 0])
    gain = [_gains(layer.position, arch, worth, layer.next.shape) for layer in layered.layers]
    held = device.correction.invert(budget_ms) - device.fixed_ms
    least = fastest(layered, ms)
    if least.ms > held:
        made = space.decode(least.code)
        found = device.predict(made).ms
        raise InfeasibleError(
            f"no widths of {arch.name} meet {budget_ms:g} ms on {device.name};"
            f" the smallest reach {found:.3f} ms predicted",
            arch=made,
            smallest=found,
            device=device.name,
        )
    solution = solve(layered, undominated(layered, ms, gain), held)
    assert solution is not None  # since the fastest path is within the budget
    made = space.decode(solution.code)
    return replace(made, name=f"{arch.name}-{budget_ms:g}ms", source=arch.source), solution


def group_values(arch: Arch, channels: DependencyGraph, scores: Floats) -> GroupValues:
    """Total importance of the best channels of each width group, for each width.

    `scores` are (n_coupled,) importances of sets of coupled channels.
    """
    found: dict[WidthGroup, Floats] = {}
    for group in width_groups(arch):
        total = np.zeros(group.width + 1)
        for own in _channel_groups(arch, group, channels):
            best = np.sort(scores[own.coupled])[::-1]
            kept = np.concatenate([[0.0], np.cumsum(best)])
            total += kept[np.arange(group.width + 1) * len(best) // group.width]
        found[group] = total
    return found


def _channel_groups(arch: Arch, group: WidthGroup, channels: DependencyGraph) -> list[ChannelGroup]:
    """The channel groups of a width group: those that shrink at the least width."""
    for _, rows in reversed(other_widths(arch, group, 1)):
        with suppress(ArchError):
            pairs = zip(channels.groups, channels.counts(with_rows(arch, rows).graph), strict=True)
            return [own for own, count in pairs if count < len(own.coupled)]
    return []


def _numbering() -> Callable[[Graph], float]:
    """A function that numbers graphs: those of the same layers get the same number."""
    numbers: dict[Any, int] = {}
    return lambda graph: float(numbers.setdefault(structure(graph), len(numbers)))


def _same_layers(
    layered: LayeredSpace, arch: Arch, number_of: Callable[[Graph], float]
) -> LayeredSpace:
    """Remove options whose layers differ from those of the network's row."""
    layers = list(layered.layers)
    for number, (row, place) in enumerate(zip(arch.rows, arch.places, strict=False)):
        layer = layers[number + 1]
        same = layer.values[LAYERS][..., 0] == number_of(lower_alone([row], place)[0])
        layers[number + 1] = replace(layer, next=np.where(same, layer.next, -1).astype(np.int32))
    return replace(layered, layers=tuple(layers))


def _gains(position: Position, arch: Arch, worth: GroupValues, shape: tuple[int, ...]) -> Floats:
    """(S, O) importance of the channels that each option keeps."""
    gains = np.zeros(shape)
    for group, values in worth.items():
        row, column = group.cells[0]
        if row == position.row - 1:
            gains += [values[getattr(option[0], column)] for option in position.options]
    return gains
