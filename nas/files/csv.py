"""Tables of ours as CSV, read strictly: every mistake names file, line and column."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import NoReturn

from nas.errors import DocumentError, brief
from nas.files.yaml import read_text

MAX_BYTES = 50_000_000

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """One line below the header: its cells by column."""

    where: str
    """File and line, for messages about it."""
    cells: Mapping[str, str]

    def whole(self, column: str, low: int, high: int) -> int:
        """The whole number of a cell, from `low` to `high`.

        Raises:
            DocumentError: it holds something else.
        """
        cell = self.cells[column]
        if not _WHOLE.fullmatch(cell) or not low <= int(cell) <= high:
            self.fail(column, f"a whole number from {low} to {high}")
        return int(cell)

    def number(self, column: str, low: float = -inf, high: float = inf) -> float:
        """The finite number of a cell, from `low` to `high`.

        Raises:
            DocumentError: it holds something else.
        """
        cell = self.cells[column]
        found = float(cell) if NUMBER.fullmatch(cell) else inf
        if not isfinite(found) or not low <= found <= high:
            limits = "" if low == -inf else f" from {low:g} to {high:g}"
            self.fail(column, f"a number{limits}")
        return found

    def maybe(self, column: str) -> float | None:
        """The number of a cell, None where it is empty."""
        return self.number(column) if self.cells[column] else None

    def file(self, folder: Path, column: str = "file") -> Path:
        """The file that a cell names, in a folder and not outside of it.

        Raises:
            DocumentError: it leads out, or is no name of a file.
        """
        name = self.cells[column]
        if "\0" in name:
            self.fail(column, "the name of a file")
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise DocumentError(f"{self.where} ({column}): {brief(name)} leads out of {folder}")
        return folder / name

    def fail(self, column: str, expected: str) -> NoReturn:
        """Refuse a cell."""
        found = brief(self.cells[column])
        raise DocumentError(f"{self.where} ({column}): found {found}, expected {expected}")


def read_lines(path: Path, needed: Sequence[str]) -> list[Line]:
    """All lines below the header, which has the columns that are needed, and perhaps others.

    Raises:
        DocumentError: with file, line and column of what is wrong.
    """
    reader = csv.reader(io.StringIO(read_text(path, MAX_BYTES), newline=""), strict=True)
    lines: list[Line] = []
    try:
        header = next(reader, [])
        for column in needed:
            if header.count(column) != 1:
                found = brief(", ".join(header) or "nothing")
                raise DocumentError(f"{path} line 1: found {found}, expected one column {column!r}")
        for cells in reader:
            where = f"{path} line {reader.line_num}"
            if len(cells) != len(header):
                raise DocumentError(f"{where}: found {len(cells)} cells, expected {len(header)}")
            lines.append(Line(where, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        where = f"{path} line {reader.line_num}"
        raise DocumentError(f"{where}: not readable as CSV: {error}") from None
    return lines
