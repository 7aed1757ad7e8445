"""Lower thousands of rows at once: widths, kernels and map sizes as columns of ints.

A block's `lower` is plain arithmetic, so it also runs on numpy columns. If the rows of a column
disagree on an `if` (a residual that only some have, a patch that divides only some maps), the truth
value of the column raises `ColumnSplit`, and both halves are lowered again. A few dozen lowerings
then replace thousands, by the same code that lowers one network. Structure (op, stride, activation,
depth) is never a column.
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
from nas.graph.graph import Graph, Place
from nas.space.arch import lower_alone

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Fold = Callable[[Graph], Any]
"""From the graph of one or more rows to a value or a tuple of values; scalars or columns."""


class ColumnSplit(Exception):  # noqa: N818 - a signal, not an error
    """The truth value of a column was asked for, and its rows disagree."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        super().__init__("column holds both truth values")
        self.mask = mask


class Column(np.ndarray[Any, np.dtype[Any]]):
    """Ints or bools of many rows; its truth value raises `ColumnSplit` if they disagree."""

    def __bool__(self) -> bool:
        truth = np.asarray(self).astype(bool)
        if truth.all():
            return True
        if not truth.any():
            return False
        raise ColumnSplit(truth)


def template(rows: Sequence[Row]) -> tuple[Any, ...]:
    """Hashable form of rows without their open fields; rows of equal form are lowered together."""
    return tuple(
        (type(row), *(_is_open(row, f.name) or getattr(row, f.name) for f in fields(row)))
        for row in rows
    )


def opened(rows: Sequence[Row]) -> list[int]:
    """Numbers that `template` leaves out, in order."""
    return [getattr(row, f.name) for row in rows for f in fields(row) if _is_open(row, f.name)]


OPEN_FIELDS = WIDTH_FIELDS | {"k", "k_start", "k_mid"}


def _is_open(row: Row, name: str) -> bool:
    return name in OPEN_FIELDS and isinstance(getattr(row, name), int)


def lower_columns(
    rows: Sequence[Row], numbers: Ints, place: Place, folds: Mapping[str, Fold]
) -> Iterator[tuple[Ints, Place, dict[str, Any]]]:
    """Lower `rows` for n sets of numbers and n places, and fold the graphs.

    Shapes: numbers (f, n) in the order of `opened`; place holds arrays (n,), in its shape one for
    each dimension. Yields disjoint index arrays into 0..n-1, each with the places of the next row
    and the values of the folds as columns. Sets for which the rows cannot stand are not yielded.
    """
    pending = [np.arange(len(place.resolution))]
    while pending:
        index = pending.pop()
        if not len(index):
            continue
        try:
            graph, out = _lower(rows, numbers, place, index)
            folded = {name: fold(graph) for name, fold in folds.items()}
        except ColumnSplit as split:
            pending += [index[~split.mask], index[split.mask]]
        except ArchError:
            continue
        else:
            yield index, out, folded


def _lower(rows: Sequence[Row], numbers: Ints, place: Place, index: Ints) -> tuple[Graph, Place]:
    """Graph and next place of the sets at `index`."""
    columns = iter(numbers)
    filled = []
    for row in rows:
        own = {f.name: _column(next(columns)[index]) for f in fields(row) if _is_open(row, f.name)}
        filled.append(replace(row, **own))
    shape = tuple(_column(size[index]) for size in place.shape)
    here = Place(shape, _column(place.resolution[index]), _column(place.kept[index]))
    return lower_alone(filled, here)


def _column(values: Ints) -> Column:
    return values.view(Column)
