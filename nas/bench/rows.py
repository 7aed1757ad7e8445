"""Tables of a benchmark as CSV, read strictly: every mistake names file, row and column."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from nas.document import read_text
from nas.errors import DocumentError, brief

MAX_BYTES = 5_000_000

_WHOLE = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its cells by column."""

    path: Path
    number: int
    """The header's is 1."""
    cells: dict[str, str]

    def whole(self, column: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        cell = self.cells[column]
        if not _WHOLE.fullmatch(cell) or not low <= int(cell) <= high:
            self.fail(column, f"a whole number from {low} to {high}")
        return int(cell)

    def real(self, column: str, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        cell = self.cells[column]
        if not _NUMBER.fullmatch(cell) or not low <= float(cell) <= high:
            self.fail(column, f"a number from {low:g} to {high:g}")
        return float(cell)

    def fail(self, column: str, expected: str) -> NoReturn:
        """Refuse a cell."""
        raise DocumentError(
            f"{self.path} row {self.number} ({column}): found {brief(self.cells[column])},"
            f" expected {expected}"
        )


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[Line]:
    """All rows of a CSV that has these columns; others beside them are left out.

    Raises:
        DocumentError: it cannot be read, lacks a column or has a row of another length.
    """
    reader = csv.reader(io.StringIO(read_text(path, MAX_BYTES), newline=""), strict=True)
    try:
        header = next(reader, [])
        for column in columns:
            if header.count(column) != 1:
                found = ", ".join(header) if header else "nothing"
                raise DocumentError(
                    f"{path} row 1: found {brief(found)}, expected one column {column!r}"
                )
        for number, cells in enumerate(reader, 2):
            if len(cells) != len(header):
                raise DocumentError(
                    f"{path} row {number}: found {len(cells)} cells, expected {len(header)}"
                )
            named = dict(zip(header, cells, strict=True))
            yield Line(path, number, {column: named[column] for column in columns})
    except csv.Error as error:
        where = f"{path} line {reader.line_num}"
        raise DocumentError(f"{where}: not readable as CSV: {error}") from None
