"""Width groups of a table: cells that must change together, found by trying.

Each row is lowered alone with one of its widths (or numbers of heads, or its input width) times a
prime. If the layers stay the same, that width is free. If not (a residual disappears, heads do not
divide or get other queries), it can only change with others of the row: the smallest set that keeps
the layers. Rows pass on widths, so the sets grow through the table: the `out` of all blocks that a
residual joins is one *width group*, and each expansion is one of its own (the two kinds of
proposals of MobileNetV3, arXiv:1905.02244, section 4.2). No rule is specific to a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import combinations
from typing import Any

from nas.adapt.dependencies import structure
from nas.blocks import Row
from nas.blocks.base import WIDTH_FIELDS
from nas.errors import ArchError
from nas.graph.graph import OUTSIDE, Graph, GraphBuilder, Place, outside
from nas.graph.ops import Shape
from nas.space.arch import Arch, advance

PRIME = 31
"""Factor of the tried widths; it is no ratio or number of heads in any network."""
INPUT = "in"
FIXED = (-1, "")
"""Stands for widths that the image and the number of classes fix."""

Cell = tuple[int, str]
"""Row, from 0, and column."""


@dataclass(frozen=True, slots=True)
class WidthGroup:
    """Cells that change in proportion; `width` is the value of the first."""

    cells: tuple[Cell, ...]
    values: tuple[int, ...]

    @property
    def width(self) -> int:
        return self.values[0]

    @property
    def name(self) -> str:
        """Name with rows counted from 1, as `row 3 exp` or `rows 4-6 out`."""
        rows = sorted({row + 1 for row, _ in self.cells})
        columns = list(dict.fromkeys(column for _, column in self.cells))
        some = f"row{'s' if len(rows) > 1 else ''} {_spans(rows)}"
        return f"{some} {'+'.join(columns)}"

    def at(self, rows: Sequence[Row], width: int) -> tuple[Row, ...]:
        """The rows with this group at another width.

        Raises:
            ArchError: a cell would not be a whole number.
        """
        changed = list(rows)
        for (row, column), value in zip(self.cells, self.values, strict=True):
            if value * width % self.width:
                raise ArchError(f"row {row + 1} ({column}): {value} x {width}/{self.width}")
            changed[row] = replace(changed[row], **{column: value * width // self.width})
        return tuple(changed)


def update_sums(arch: Arch, rows: Sequence[Row]) -> tuple[Row, ...]:
    """Update the sums (`Row.adds`) of rows with changed widths.

    Raises:
        ArchError: a row is invalid.
    """
    if not any(row.adds for row in rows):
        return tuple(rows)
    found, place = list[Row](), arch.places[0]
    for before, old, row in zip(arch.rows, arch.shapes, rows, strict=False):
        more = place.shape[0] - old[0]
        found.append(replace(row, **{name: getattr(before, name) + more for name in row.adds}))
        place = advance(found[-1], place)[1]
    return tuple(found)


def width_groups(arch: Arch) -> tuple[WidthGroup, ...]:
    """All width groups of a table, in the order of their first cells."""
    from scipy.cluster.hierarchy import DisjointSet

    sets = DisjointSet()

    def join(first: Cell, *others: Cell) -> None:
        for cell in (first, *others):
            sets.add(cell)
            sets.merge(first, cell)

    join((0, INPUT), FIXED)
    for number, (row, place) in enumerate(zip(arch.rows, arch.places, strict=False)):
        found = _probe(row, place)
        for tied in found.tied:
            join(*((number, name) for name in tied))
        for name in found.stuck:
            join((number, name), FIXED)
        follows = (number, found.hands_on) if found.hands_on else (number + 1, "nothing")
        join((number + 1, INPUT), follows)
    join((len(arch.rows), INPUT), FIXED)
    cells = [(n, name) for n, row in enumerate(arch.rows) for name in own_widths(row)]
    free: dict[Cell, list[Cell]] = {}
    for cell in cells:
        if (root := sets[cell]) != sets[FIXED]:
            free.setdefault(root, []).append(cell)
    return tuple(
        WidthGroup(tuple(own), tuple(getattr(arch.rows[n], name) for n, name in own))
        for own in free.values()
    )


@dataclass(frozen=True, slots=True)
class _Probed:
    """How the widths of a row depend on each other."""

    tied: tuple[tuple[str, ...], ...]
    """Sets of columns that can only change together."""
    stuck: tuple[str, ...]
    """Columns that cannot change."""
    hands_on: str
    """The width that the row's output follows; empty if the output has its own."""


@lru_cache(maxsize=4096)
def _probe(row: Row, place: Place) -> _Probed:
    layers, out, kept = _lowered(row, place, ())
    names = (INPUT, *own_widths(row))
    if kept:  # a later row relies on the widths
        return _Probed((), names, "")
    tied, stuck, hands_on = [], [], ""
    for name in names:
        others = [other for other in names if other != name]
        sizes = range(len(names))
        for chosen in ((name, *more) for n in sizes for more in combinations(others, n)):
            try:
                tried, wider, _ = _lowered(row, place, chosen)
            except ArchError:
                continue
            if tried == layers:
                tied.append(chosen)
                if wider[0] == PRIME * out[0]:
                    hands_on = name
                break
        else:
            stuck.append(name)
    return _Probed(tuple(tied), tuple(stuck), hands_on)


def _lowered(row: Row, place: Place, wider: Iterable[str]) -> tuple[tuple[Any, ...], Shape, bool]:
    """Lower a row with some widths times `PRIME`.

    Returns:
        Its layers, the shape of its output, and whether it keeps values for later rows.
    """
    cells = {name: PRIME * getattr(row, name) for name in wider if name != INPUT}
    c = place.shape[0] * (PRIME if INPUT in wider else 1)
    cells |= {name: getattr(row, name) + c - place.shape[0] for name in row.adds}
    g = GraphBuilder((c, *place.shape[1:]), place.resolution)
    out, kept = replace(row, **cells).lower_kept(g, g.input, outside(place.kept))
    graph = g.graph()
    layers = (structure(graph), _temperatures(graph))
    return layers, out.shape, any(value.index != OUTSIDE for value in kept)


def _temperatures(graph: Graph) -> list[int]:
    """Widths of one head's queries, from which its scores have their scale.

    A narrower head would turn other scores into its weights, even without those channels.
    """
    scaled = (op for op in graph.ops if op.kind == "attention" and "scale" not in op.attrs)
    return [op.in_shapes[0][-1] for op in scaled]


def width_columns(row: Row) -> list[str]:
    """Columns that hold a width or a number of heads, if the row uses them."""
    names = (f.name for f in fields(row) if f.name in WIDTH_FIELDS or f.name == "heads")
    return [name for name in names if isinstance(getattr(row, name), int)]


def own_widths(row: Row) -> list[str]:
    """Width columns that do not follow from other rows."""
    return [name for name in width_columns(row) if name not in row.adds]


def _spans(rows: Sequence[int]) -> str:
    """Format 1, 2, 3, 5 as `1-3, 5`."""
    spans: list[list[int]] = []
    for row in rows:
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in spans)
