"""A table at other widths of one width group each, with predicted latencies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.adapt.dependencies import structure
from nas.adapt.width_groups import WidthGroup, update_sums, width_groups
from nas.blocks import Row
from nas.errors import ArchError
from nas.graph.graph import Graph, Place
from nas.latency.device import Device
from nas.space.arch import Arch, lower, lower_alone
from nas.space.columns import Floats, Fold, Ints, lower_columns, opened, template


@dataclass(frozen=True, slots=True)
class WidthChange:
    """A width group at another width."""

    group: WidthGroup
    width: int
    rows: tuple[Row, ...]
    """Rows of the whole table."""
    ms: float
    """Predicted latency."""


def other_widths(
    arch: Arch, group: WidthGroup, divisor: int, *, grow: bool = False
) -> list[tuple[int, tuple[Row, ...]]]:
    """Other widths of a group with the table's rows, the nearest to its present width first.

    Widths are multiples of `divisor` that keep heads and proportions whole, at most twice the
    present one.
    """
    found = []
    limit = 2 * group.width if grow else 0
    step = divisor if grow else -divisor
    first = group.width // divisor * divisor
    if (grow and first <= group.width) or (not grow and first >= group.width):
        first += step
    for width in range(first, limit + (1 if grow else 0), step):
        try:
            found.append((width, update_sums(arch, group.at(arch.rows, width))))
        except ArchError:
            continue
    return found


def predict_ms(arch: Arch, variants: Sequence[tuple[Row, ...]], device: Device) -> Floats:
    """(n,) predicted ms of tables at other widths; NaN if the layers differ or a row is invalid.

    Rows that differ are lowered at once as columns (`nas.space.columns`).
    """
    total = np.full(len(variants), device.fixed_ms)
    shapes = np.tile(arch.input, (len(variants), 1))
    for number, (row, place) in enumerate(zip(arch.rows, arch.places, strict=False)):
        graph, (out, *_) = lower_alone([row], place)
        changed = [variant[number] is not row for variant in variants]
        differs = np.array(changed, bool) | (shapes != place.shape).any(axis=1)
        total[~differs] += device.graph_ms(graph)
        after = np.tile(out, (len(variants), 1))
        for members in _alike([variant[number] for variant in variants], differs):
            own = [variants[m][number] for m in members]
            ms, widths = _priced(own, shapes[members], place, graph, device)
            total[members] += ms
            after[members] = np.where(np.isnan(ms)[:, None], out, widths)
        shapes = after
    return np.asarray(device.correction.ms(total))


def _priced(
    rows: Sequence[Row], shapes: Ints, place: Place, base: Graph, device: Device
) -> tuple[Floats, Ints]:
    """(n,) ms and (n, rank) output shapes of rows of one template; NaN if layers differ."""
    ms, after = np.full(len(rows), np.nan), np.zeros((len(rows), 3), np.int64)
    numbers = np.array([opened([row]) for row in rows], np.int64).T
    layers = structure(base)
    folds: Mapping[str, Fold] = {"ms": device.graph_ms, "same": lambda g: structure(g) == layers}
    above = (np.full(len(rows), size) for size in (place.resolution, place.kept))
    rank = 3
    for part, out, found in lower_columns(rows[:1], numbers, Place(tuple(shapes.T), *above), folds):
        rank = len(out.shape)
        if found["same"]:
            ms[part] = found["ms"]
            after[part, :rank] = np.stack(np.broadcast_arrays(*out.shape, part)[:-1], axis=1)
    return ms, after[:, :rank]


def _alike(rows: Sequence[Row], which: NDArray[np.bool_]) -> list[Ints]:
    """Indices of the selected rows, grouped by template."""
    alike: dict[Any, list[int]] = {}
    for index in np.flatnonzero(which).tolist():
        alike.setdefault(template(rows[index : index + 1]), []).append(index)
    return [np.array(members) for members in alike.values()]


def with_rows(arch: Arch, rows: Sequence[Row]) -> Arch:
    """The network with other rows, checked by lowering it.

    Raises:
        ArchError: a row is invalid.
    """
    made = replace(arch, rows=tuple(rows), expect={})
    lower(made.rows, made.input, made.name)
    return made


def width_changes(
    arch: Arch,
    device: Device,
    divisor: int,
    *,
    grow: bool = False,
    of: Sequence[WidthGroup] | None = None,
) -> Iterator[WidthChange]:
    """Yield all (or some) groups at every other width that keeps the layers, nearest first."""
    listed = [
        (group, *other)
        for group in (width_groups(arch) if of is None else of)
        for other in other_widths(arch, group, divisor, grow=grow)
    ]
    ms = predict_ms(arch, [rows for _, _, rows in listed], device)
    for (group, width, rows), own in zip(listed, ms, strict=True):
        if np.isfinite(own):
            yield WidthChange(group, width, rows, float(own))
