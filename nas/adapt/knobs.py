"""What of a table can change width: cells that must change together, found by trying.

Each row is lowered alone with one of its widths (or head counts, or its input's width) times a
prime. Where its layers stay the same ones, that width is free; where they do not (a residual goes,
heads no longer divide), it changes only with others of the row: the smallest set that keeps the
layers. Rows hand on widths, so sets grow through the table: the `out` of all blocks that a residual
joins is one *knob*, each expansion one of its own (the two kinds of proposals of MobileNetV3,
arXiv:1905.02244, section 4.2). Nothing here knows a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.adapt.channels import structure
from nas.arch import Arch, lower, lower_row
from nas.blocks import Row
from nas.blocks.base import WIDTH_FIELDS
from nas.columns import Floats, Fold, Ints, lower_columns, opened, template
from nas.errors import ArchError
from nas.graph import Graph, GraphBuilder
from nas.latency.device import Device
from nas.ops import Shape

PRIME = 31
"""Widths are multiplied by it: no ratio, head or stage of any network is."""
INPUT = "in"
FIXED = (-1, "")
"""What the image and the number of classes decide."""

Cell = tuple[int, str]
"""Row from 0, and column."""


@dataclass(frozen=True, slots=True)
class Knob:
    """Cells that change in proportion; `width` is that of the first."""

    cells: tuple[Cell, ...]
    values: tuple[int, ...]

    @property
    def width(self) -> int:
        return self.values[0]

    @property
    def name(self) -> str:
        """`row 3 exp` or `rows 4, 5, 6 out`, as the table counts."""
        rows = sorted({row + 1 for row, _ in self.cells})
        columns = list(dict.fromkeys(column for _, column in self.cells))
        some = f"row{'s' if len(rows) > 1 else ''} {_spans(rows)}"
        return f"{some} {'+'.join(columns)}"

    def at(self, rows: Sequence[Row], width: int) -> tuple[Row, ...]:
        """The rows with this knob at another width.

        Raises:
            ArchError: a cell would be no whole number.
        """
        changed = list(rows)
        for (row, column), value in zip(self.cells, self.values, strict=True):
            if value * width % self.width:
                raise ArchError(f"row {row + 1} ({column}): {value} x {width}/{self.width}")
            changed[row] = replace(changed[row], **{column: value * width // self.width})
        return tuple(changed)


def knobs(arch: Arch) -> tuple[Knob, ...]:
    """Every knob of a table, in the order of its first cell."""
    sets = _Sets()
    shape = arch.input
    sets.join((0, INPUT), FIXED)
    for number, row in enumerate(arch.rows):
        found = _probe(row, shape, arch.input[1])
        for tied in found.tied:
            sets.join(*((number, name) for name in tied))
        for name in found.stuck:
            sets.join((number, name), FIXED)
        follows = (number, found.hands_on) if found.hands_on else (number + 1, "nothing")
        sets.join((number + 1, INPUT), follows)
        shape = found.shape
    sets.join((len(arch.rows), INPUT), FIXED)
    cells = [(n, name) for n, row in enumerate(arch.rows) for name in _widths(row)]
    free: dict[Cell, list[Cell]] = {}
    for cell in cells:
        if (root := sets.root(cell)) != sets.root(FIXED):
            free.setdefault(root, []).append(cell)
    return tuple(
        Knob(tuple(own), tuple(getattr(arch.rows[n], name) for n, name in own))
        for own in free.values()
    )


@dataclass(frozen=True, slots=True)
class _Probed:
    """What a row says of its widths."""

    tied: tuple[tuple[str, ...], ...]
    """Sets that change together only."""
    stuck: tuple[str, ...]
    """What cannot change at all."""
    hands_on: str
    """The width that its output follows; none: its own."""
    shape: Shape


@lru_cache(maxsize=4096)
def _probe(row: Row, shape: Shape, resolution: int) -> _Probed:
    layers, out = _lowered(row, shape, resolution, ())
    names = (INPUT, *_widths(row))
    tied, stuck, hands_on = [], [], ""
    for name in names:
        others = [other for other in names if other != name]
        sizes = range(len(names))
        for chosen in ((name, *more) for n in sizes for more in combinations(others, n)):
            try:
                tried, wider = _lowered(row, shape, resolution, chosen)
            except ArchError:
                continue
            if tried == layers:
                tied.append(chosen)
                if wider[0] == PRIME * out[0]:
                    hands_on = name
                break
        else:
            stuck.append(name)
    return _Probed(tuple(tied), tuple(stuck), hands_on, out)


def _lowered(
    row: Row, shape: Shape, resolution: int, wider: Iterable[str]
) -> tuple[tuple[Any, ...], Shape]:
    """The row's layers and its output's shape, with some widths times `PRIME`."""
    cells = {name: PRIME * getattr(row, name) for name in wider if name != INPUT}
    c = shape[0] * (PRIME if INPUT in wider else 1)
    g = GraphBuilder((c, *shape[1:]), resolution)
    out = replace(row, **cells).lower(g, g.input)
    return structure(g.graph()), out.shape


def _widths(row: Row) -> list[str]:
    """Columns of a row that hold a width or count heads, and that it uses."""
    names = (f.name for f in fields(row) if f.name in WIDTH_FIELDS or f.name == "heads")
    return [name for name in names if isinstance(getattr(row, name), int)]


class _Sets:
    """Disjoint sets of cells."""

    def __init__(self) -> None:
        self._parent: dict[Cell, Cell] = {}

    def root(self, cell: Cell) -> Cell:
        while (parent := self._parent.get(cell, cell)) != cell:
            cell = parent
        return cell

    def join(self, first: Cell, *others: Cell) -> None:
        for other in others:
            self._parent[self.root(other)] = self.root(first)


def _spans(rows: Sequence[int]) -> str:
    """1, 2, 3, 5 as `1-3, 5`."""
    spans: list[list[int]] = []
    for row in rows:
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in spans)


# widths and their latencies -------------------------------------------------------------------


def neighbours(
    arch: Arch, knob: Knob, divisor: int, *, grow: bool = False
) -> list[tuple[int, tuple[Row, ...]]]:
    """Other widths of a knob, those nearest to the present one first, with the rows.

    Multiples of `divisor`, and of what whole heads and proportions ask; up to twice the width.
    """
    found = []
    limit = 2 * knob.width if grow else 0
    step = divisor if grow else -divisor
    first = knob.width // divisor * divisor
    if (grow and first <= knob.width) or (not grow and first >= knob.width):
        first += step
    for width in range(first, limit + (1 if grow else 0), step):
        try:
            found.append((width, knob.at(arch.rows, width)))
        except ArchError:
            continue
    return found


def price(arch: Arch, variants: Sequence[tuple[Row, ...]], device: Device) -> Floats:
    """(n,) predicted ms of tables of the same layers at other widths; NaN: other layers, or none.

    Row by row, and there all that differ at once (`nas.columns`).
    """
    total, shape = np.full(len(variants), device.fixed_ms), arch.input
    shapes = np.tile(shape, (len(variants), 1))
    for number, row in enumerate(arch.rows):
        graph, out = _alone(row, shape, arch.input[1])
        changed = [variant[number] is not row for variant in variants]
        differs = np.array(changed) | (shapes != shape).any(axis=1)
        total[~differs] += device.graph_ms(graph)
        after = np.tile(out, (len(variants), 1))
        for members in _alike([variant[number] for variant in variants], differs):
            ms, widths = _priced(
                [variants[m][number] for m in members],
                shapes[members],
                arch.input[1],
                graph,
                device,
            )
            total[members] += ms
            after[members] = np.where(np.isnan(ms)[:, None], out, widths)
        shape, shapes = out, after
    return np.asarray(device.whole.ms(total))


def _priced(
    rows: Sequence[Row], shapes: Ints, resolution: int, base: Graph, device: Device
) -> tuple[Floats, Ints]:
    """(n,) ms and (n, rank) output shapes of rows of one template; NaN: not the base's layers."""
    ms, after = np.full(len(rows), np.nan), np.zeros((len(rows), 3), np.int64)
    numbers = np.array([opened([row]) for row in rows], np.int64).T
    layers = structure(base)
    folds: Mapping[str, Fold] = {"ms": device.graph_ms, "same": lambda g: structure(g) == layers}
    sizes = np.full(len(rows), resolution)
    rank = 3
    for part, out, found in lower_columns(rows[:1], numbers, list(shapes.T), sizes, folds):
        rank = len(out)
        if found["same"]:
            ms[part] = found["ms"]
            after[part, :rank] = np.stack(np.broadcast_arrays(*out, part)[:-1], axis=1)
    return ms, after[:, :rank]


def _alike(rows: Sequence[Row], which: NDArray[np.bool_]) -> list[Ints]:
    """Indices of some rows, those of one template together."""
    alike: dict[Any, list[int]] = {}
    for index in np.flatnonzero(which).tolist():
        alike.setdefault(template(rows[index : index + 1]), []).append(index)
    return [np.array(members) for members in alike.values()]


def _alone(row: Row, shape: Shape, resolution: int) -> tuple[Graph, Shape]:
    """A row's graph as `nas.columns` lowers it, and what it hands on."""
    g = GraphBuilder(shape, resolution)
    g.row = 0
    out = lower_row(g, row, g.input).shape
    return g.graph(), out


def narrowed(arch: Arch, rows: Sequence[Row], name: str = "") -> Arch:
    """The network of other rows, under its own name.

    Raises:
        ArchError: the rows cannot stand.
    """
    made = Arch(name or arch.name, arch.source, arch.input, tuple(rows), scale=arch.scale)
    lower(made.rows, made.input, made.name)
    return made


def moves(
    arch: Arch, device: Device, divisor: int, *, grow: bool = False
) -> Iterator[tuple[Knob, int, tuple[Row, ...], float]]:
    """Every knob at every other width that keeps the layers: knob, width, rows, predicted ms."""
    listed = [
        (knob, *move) for knob in knobs(arch) for move in neighbours(arch, knob, divisor, grow=grow)
    ]
    ms = price(arch, [rows for _, _, rows in listed], device)
    for (knob, width, rows), own in zip(listed, ms, strict=True):
        if np.isfinite(own):
            yield knob, width, rows, float(own)
