"""Lowering thousands of rows at once: widths and sizes as columns of ints.

A block's `lower` is plain arithmetic on widths and map sizes, so it also runs on numpy columns.
Where rows of one column disagree on an `if` (a residual only some have, a patch that divides only
some maps), the truth value of the column raises `Split` and both halves are lowered anew. What
thousands of lowerings would cost is then paid a few dozen times, by the same code that lowers one
network. Structure (op, kernel, stride, activation, depth) is never a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.arch import lower_row
from nas.blocks import Row
from nas.errors import ArchError
from nas.graph import Graph, GraphBuilder
from nas.ops import Shape

Ints = NDArray[np.int64]
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
    """Hashable form of rows with every absolute width left open: equal ones lower together."""
    return tuple(
        (type(row), *(_is_width(row, f.name) or getattr(row, f.name) for f in fields(row)))
        for row in rows
    )


def widths(rows: Sequence[Row]) -> list[int]:
    """The absolute widths that `template` leaves open, in order."""
    return [getattr(row, f.name) for row in rows for f in fields(row) if _is_width(row, f.name)]


WIDTH_FIELDS = frozenset({"exp", "out", "dim", "ffn"})


def _is_width(row: Row, name: str) -> bool:
    return name in WIDTH_FIELDS and isinstance(getattr(row, name), int)


def lower_columns(
    rows: Sequence[Row],
    open_widths: Ints,
    shape: Sequence[Ints],
    resolution: Ints,
    folds: Mapping[str, Fold],
) -> Iterator[tuple[Ints, Shape, dict[str, Any]]]:
    """Lower `rows` for n sets of widths, input shapes and resolutions, and fold the graphs.

    Shapes: open_widths (w, n) in the order of `widths`; shape: one (n,) per dimension;
    resolution (n,). Yields disjoint index arrays into 0..n-1, each with the output shape and what
    every fold says, as columns; where the rows cannot stand, nothing is yielded.
    """
    pending = [np.arange(len(resolution))]
    while pending:
        index = pending.pop()
        if not len(index):
            continue
        try:
            graph = _lower(rows, open_widths, shape, resolution, index)
            folded = {name: fold(graph) for name, fold in folds.items()}
        except Split as split:
            pending += [index[~split.mask], index[split.mask]]
        except ArchError:
            continue
        else:
            yield index, graph.shape, folded


def _lower(
    rows: Sequence[Row],
    open_widths: Ints,
    shape: Sequence[Ints],
    resolution: Ints,
    index: Ints,
) -> Graph:
    columns = iter(open_widths)
    g = GraphBuilder(tuple(_column(size[index]) for size in shape), _column(resolution[index]))
    x = g.input
    for number, row in enumerate(rows):
        g.row = number
        opened = {
            f.name: _column(next(columns)[index]) for f in fields(row) if _is_width(row, f.name)
        }
        x = lower_row(g, replace(row, **opened).resolve(x.c), x)
    return g.graph()


def _column(values: Ints) -> Column:
    return values.view(Column)
