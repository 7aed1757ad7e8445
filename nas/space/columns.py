"""Lowering thousands of rows at once: widths, kernels and map sizes as columns of ints.

A block's `lower` is plain arithmetic on them, so it also runs on numpy columns.
Where rows of one column disagree on an `if` (a residual only some have, a patch that divides only
some maps), the truth value of the column raises `Split` and both halves are lowered anew. What
thousands of lowerings would cost is then paid a few dozen times, by the same code that lowers one
network. Structure (op, stride, activation, depth) is never a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.blocks import Row
from nas.blocks.base import WIDTH_FIELDS
from nas.errors import ArchError
from nas.graph.graph import Graph, GraphBuilder, Place
from nas.space.arch import lower_row

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Fold = Callable[[Graph], Any]
"""Graph of one or more rows -> one value, or a tuple of them; scalars or columns."""


class Split(Exception):  # noqa: N818 - a signal, not an error
    """A column was asked for one truth value and holds both."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        super().__init__("column holds both truth values")
        self.mask = mask


class Column(np.ndarray[Any, np.dtype[Any]]):
    """Ints (or bools) of many rows; its truth value must agree, or it splits."""

    def __bool__(self) -> bool:
        truth = np.asarray(self).astype(bool)
        if truth.all():
            return True
        if not truth.any():
            return False
        raise Split(truth)


def template(rows: Sequence[Row]) -> tuple[Any, ...]:
    """Hashable form of rows with every open field left out: equal ones lower together."""
    return tuple(
        (type(row), *(_is_open(row, f.name) or getattr(row, f.name) for f in fields(row)))
        for row in rows
    )


def opened(rows: Sequence[Row]) -> list[int]:
    """The numbers that `template` leaves out, in order."""
    return [getattr(row, f.name) for row in rows for f in fields(row) if _is_open(row, f.name)]


OPEN_FIELDS = WIDTH_FIELDS | {"k"}


def _is_open(row: Row, name: str) -> bool:
    return name in OPEN_FIELDS and isinstance(getattr(row, name), int)


def lower_columns(
    rows: Sequence[Row],
    numbers: Ints,
    shape: Sequence[Ints],
    resolution: Ints,
    folds: Mapping[str, Fold],
    kept: Ints | None = None,
) -> Iterator[tuple[Ints, Place, dict[str, Any]]]:
    """Lower `rows` for n sets of numbers and of what a `Place` says, and fold the graphs.

    Shapes: numbers (f, n) in the order of `opened`; shape: one (n,) per dimension;
    resolution and kept (n,). Yields disjoint index arrays into 0..n-1, each with what the next row
    sees and what every fold says, as columns; where the rows cannot stand, nothing is yielded.
    """
    pending = [np.arange(len(resolution))]
    while pending:
        index = pending.pop()
        if not len(index):
            continue
        try:
            graph, out = _lower(rows, numbers, Place(tuple(shape), resolution, kept), index)
            folded = {name: fold(graph) for name, fold in folds.items()}
        except Split as split:
            pending += [index[~split.mask], index[split.mask]]
        except ArchError:
            continue
        else:
            yield index, out, folded


def _lower(rows: Sequence[Row], numbers: Ints, place: Place, index: Ints) -> tuple[Graph, Place]:
    """The graph, and what the next row sees (not always the output of its last op)."""
    columns = iter(numbers)
    shape = tuple(_column(size[index]) for size in place.shape)
    kept = None if place.kept is None else _column(place.kept[index])
    g = GraphBuilder(shape, _column(place.resolution[index]), kept)
    x = g.input
    for number, row in enumerate(rows):
        g.row = number
        own = {f.name: _column(next(columns)[index]) for f in fields(row) if _is_open(row, f.name)}
        x = lower_row(g, replace(row, **own).resolve(x.c), x)
    return g.graph(x), g.place(x)


def _column(values: Ints) -> Column:
    return values.view(Column)
