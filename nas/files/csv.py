"""CSV tables, read strictly and written in one way: every mistake names file, line and column."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Any, NoReturn

from nas.errors import DocumentError, UnknownNameError, brief
from nas.files.text import read_text

MAX_BYTES = 50_000_000

_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)

Values = Mapping[str, Any] | Sequence[Any]
"""By column, or in the order of the columns. None and missing values become empty cells."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row below the header: its cells by column.

    Each method raises a `DocumentError` if the cell holds anything else. The message names file,
    line, column, what was found and what was expected.
    """

    where: str
    """File and line, for messages."""
    cells: Mapping[str, str]

    def integer(self, column: str, low: int, high: int) -> int:
        """The integer in a cell, from `low` to `high`."""
        cell = self.cells[column]
        if not _INTEGER.fullmatch(cell) or not low <= int(cell) <= high:
            self.fail(column, f"a whole number from {low} to {high}")
        return int(cell)

    def number(
        self, column: str, low: float = -inf, high: float = inf, *, finite: bool = True
    ) -> float:
        """The number in a cell, from `low` to `high`; `nan` and infinities only if not `finite`."""
        cell = self.cells[column]
        if not finite and cell in ("nan", "inf", "-inf"):
            return float(cell)
        found = float(cell) if NUMBER.fullmatch(cell) else inf
        if not isfinite(found) or not low <= found <= high:
            limits = "" if low == -inf else f" from {low:g}"
            limits += "" if high == inf else f" to {high:g}"
            self.fail(column, f"a number{limits}")
        return found

    def positive(self, column: str) -> float:
        """The finite number above 0 in a cell."""
        found = self.number(column)
        return found if found > 0 else self.fail(column, "a number above 0")

    def optional_number(self, column: str) -> float | None:
        """The number in a cell, or None if the cell is empty."""
        return self.number(column) if self.cells[column] else None

    def name(self, column: str, what: str, valid: Collection[str]) -> str:
        """The cell, which is one of the `valid` names of `what`."""
        cell = self.cells[column]
        if cell not in valid:
            where = f"{self.where} ({column})"
            raise DocumentError(str(UnknownNameError(what, cell, valid, where)))
        return cell

    def file(self, folder: Path, column: str = "file") -> Path:
        """The path in `folder` that a cell names; it must not lead out of the folder."""
        name = self.cells[column]
        if "\0" in name:
            self.fail(column, "the name of a file")
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise DocumentError(f"{self.where} ({column}): {brief(name)} leads out of {folder}")
        return folder / name

    def fail(self, column: str, expected: str) -> NoReturn:
        """Refuse a cell, by raising the error."""
        found = brief(self.cells[column])
        raise DocumentError(f"{self.where} ({column}): found {found}, expected {expected}")


def read_csv(
    path: Path,
    required: Sequence[str],
    *,
    closed: bool = False,
    by_hand: bool = False,
    check_header: Callable[[Sequence[str], str], None] = lambda columns, where: None,
) -> list[CsvRow]:
    """All rows below the header. Blank lines are skipped.

    The header has every `required` column; `closed` refuses other columns, and `check_header` may
    refuse columns with a message of its own. In a file written `by_hand`, lines that start with `#`
    are comments and spaces around cells are ignored.

    Raises:
        DocumentError: naming file, line and column.
    """
    rows = _cells(path, by_hand=by_hand)
    line, header = next(rows, (1, []))
    check_header(header, f"{path} line {line}")
    _check_header(header, required, f"{path} line {line}", closed=closed)
    found = []
    for line, cells in rows:
        where = f"{path} line {line}"
        if len(cells) != len(header):
            hint = (
                "; write a decimal comma as a point, and put a text with a comma in quotes"
                if by_hand
                else ""
            )
            raise DocumentError(f"{where}: found {len(cells)} cells, expected {len(header)}{hint}")
        found.append(CsvRow(where, dict(zip(header, cells, strict=True))))
    return found


def _cells(path: Path, *, by_hand: bool) -> Iterator[tuple[int, list[str]]]:
    """Number of each line that holds cells, and its cells."""
    lines: Iterable[str] = io.StringIO(read_text(path, MAX_BYTES), newline="")
    if by_hand:
        lines = ("\n" if line.startswith("#") else line for line in lines)
    reader = csv.reader(lines, strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, [cell.strip() for cell in cells] if by_hand else cells
    except csv.Error as error:
        where = f"{path} line {reader.line_num}"
        raise DocumentError(f"{where}: not readable as CSV: {error}") from None


def _check_header(
    header: Sequence[str], required: Sequence[str], where: str, *, closed: bool
) -> None:
    for column in header:
        if closed and column not in required:
            raise DocumentError(str(UnknownNameError("column", column, required, where)))
        if header.count(column) > 1:
            raise DocumentError(f"{where}: column {column!r} is repeated")
    for column in required:
        if column not in header:
            found = ", ".join(header) or "nothing"
            raise DocumentError(f"{where}: column {column!r} is missing, found {found}")


def write_csv(
    path: Path, columns: Sequence[str], rows: Iterable[Values], comments: Sequence[str] = ()
) -> None:
    """Write a header and rows, below lines of comments."""
    with path.open("w", newline="", encoding="utf-8") as file:
        file.writelines(f"# {comment}\n" for comment in comments)
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_by_column(row, columns) for row in rows)


def append_csv(path: Path, columns: Sequence[str], *rows: Values) -> None:
    """Append rows, below a header if the file is new. They are on the disk on return."""
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        if not file.tell():
            writer.writeheader()
        writer.writerows(_by_column(row, columns) for row in rows)
        file.flush()
        os.fsync(file.fileno())


def _by_column(row: Values, columns: Sequence[str]) -> Mapping[str, Any]:
    return row if isinstance(row, Mapping) else dict(zip(columns, row, strict=True))
