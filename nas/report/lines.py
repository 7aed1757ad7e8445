"""Lines of a CSV in a folder of results: strict about columns, cells and numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from nas.document import read_text
from nas.errors import DocumentError, brief

MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line by column."""

    where: str
    """File and line, for messages about it."""
    cells: Mapping[str, str]

    def number(self, column: str) -> float:
        """The number of a cell.

        Raises:
            DocumentError: it holds none.
        """
        found = self.maybe(column)
        if found is None:
            raise DocumentError(f"{self.where} ({column}): expected a number, found nothing")
        return found

    def maybe(self, column: str) -> float | None:
        """The number of a cell, None where it is empty.

        Raises:
            DocumentError: it holds something else.
        """
        text = self.cells[column]
        try:
            number = float(text) if text else None
        except ValueError:
            number = float("nan")
        if number is not None and not isfinite(number):
            raise DocumentError(f"{self.where} ({column}): expected a number, found {brief(text)}")
        return number

    def file(self, folder: Path, column: str = "file") -> Path:
        """The file that a cell names, in a folder and not outside of it.

        Raises:
            DocumentError: it leads out.
        """
        name = self.cells[column]
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise DocumentError(f"{self.where} ({column}): {brief(name)} leads out of {folder}")
        return folder / name


def read_lines(path: Path, needed: Sequence[str]) -> list[Line]:
    """All lines below the header, which has the columns that are needed, and perhaps others.

    Raises:
        DocumentError: with file, line and column of what is wrong.
    """
    reader = csv.reader(io.StringIO(read_text(path, MAX_BYTES)), strict=True)
    try:
        header = next(reader, [])
        missing = [column for column in needed if column not in header]
        if missing:
            raise DocumentError(f"{path} line 1: column {missing[0]!r} is missing")
        lines = []
        for cells in reader:
            where = f"{path} line {reader.line_num}"
            if len(cells) != len(header):
                raise DocumentError(f"{where}: expected {len(header)} cells, found {len(cells)}")
            lines.append(Line(where, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise DocumentError(f"{path} line {reader.line_num}: {error}") from None
    return lines
