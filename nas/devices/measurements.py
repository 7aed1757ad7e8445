"""Measured latencies of whole networks, as a CSV that only this module reads and writes.

`nas measure` writes it; `nas calibrate` and `nas validate` read it. A row is one network under one
set of conditions. Only `network` and `ms` are required; a line that starts with
`#` is a comment. Numbers have no unit: the column says it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from nas.errors import DocumentError, UnknownNameError
from nas.files.csv import NUMBER, CsvRow, read_csv, write_csv
from nas.files.resources import exists
from nas.files.staging import check_replaceable, staged_file, writing

MAX_BYTES = 50_000_000
MIN_MS, MAX_MS = 1e-3, 1e6
"""Figures outside this range are in another unit, or wrong."""
MAX_COUNT = 999_999_999
"""Largest number of threads, images or runs."""
PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured network. An unknown text is empty, an unknown number None."""

    network: str
    """A shipped name, a path to a YAML file (relative to the working directory or to the CSV), or
    `timm:NAME`. `@SIDE` at the end chooses another input side."""
    ms: float
    """Milliseconds per invocation, which is one whole batch."""
    arch_id: str = ""
    device: str = ""
    runtime: str = ""
    version: str = ""
    """Version of the runtime."""
    precision: str = ""
    """One of `PRECISIONS`."""
    threads: int | None = None
    batch: int = 1
    """Images per invocation."""
    ms_low: float | None = None
    ms_high: float | None = None
    """With `ms_low` the 90 % confidence interval of the median."""
    ms_fast: float | None = None
    """The 10 % quantile."""
    runs: int | None = None
    """Number of timed invocations."""
    source: str = ""
    """The harness: who measured, and how."""
    date: str = ""
    """ISO 8601, such as 2025-12-31."""
    note: str = ""
    place: str = field(default="", compare=False)
    """File and line of the row, for messages."""

    @property
    def name(self) -> str:
        """`network` without `@SIDE`."""
        return _AT_SIDE.sub("", self.network)

    @property
    def side(self) -> int | None:
        """Input side in pixels; None is the network's own."""
        found = _AT_SIDE.search(self.network)
        return int(found[1]) if found else None


COLUMNS = tuple(column.name for column in fields(Measurement) if column.name != "place")
REQUIRED = ("network", "ms")
CONDITIONS = ("network", "device", "runtime", "precision", "threads", "batch", "source")
"""Rows that agree in all of these are repeats of one measurement."""
SHOWN_REPEATS = 5
"""Repeats whose milliseconds are listed in the note of a merged row."""

_AT_SIDE = re.compile(r"@([1-9]\d{0,4})$")
_TIME = re.compile(r"latency|time|sec(ond)?s?\b|\bms\W|_(ms|us|ns|s)\b|^(us|ns|s)$", re.IGNORECASE)


def read_measurements(path: Path) -> list[Measurement]:
    """Read all rows and merge repeats of one network under the same conditions.

    Raises:
        DocumentError: with file, line and column of what is wrong.
        UnknownNameError: a column that does not exist.
    """
    lines = read_csv(path, REQUIRED, by_hand=True, check_header=_check_header)
    if not lines:
        raise DocumentError(f"{path}: no rows below the header")
    return merge_repeats([_located(_measurement(line), path.parent) for line in lines])


def _located(row: Measurement, folder: Path) -> Measurement:
    """Point to the YAML file beside the CSV if the working directory has none of that name."""
    beside = folder / row.name
    if row.name.endswith(".yaml") and not exists(Path(row.name)) and exists(beside):
        return replace(row, network=str(beside) + row.network.removeprefix(row.name))
    return row


def merge_repeats(rows: Sequence[Measurement]) -> list[Measurement]:
    """Merge repeats of one network under the same conditions into the median of their medians.

    The interval is the range of the repeats. Fields on which the repeats disagree stay empty.
    """
    found: dict[tuple[Any, ...], list[Measurement]] = {}
    for row in rows:
        found.setdefault(tuple(getattr(row, column) for column in CONDITIONS), []).append(row)
    return [repeats[0] if len(repeats) == 1 else _merged(repeats) for repeats in found.values()]


def _merged(repeats: Sequence[Measurement]) -> Measurement:
    every = sorted(row.ms for row in repeats)
    runs = [row.runs for row in repeats]
    notes = dict.fromkeys(row.note for row in repeats if row.note)
    shown = ", ".join(f"{row.ms:.6g}" for row in repeats[:SHOWN_REPEATS])
    shown += ", ..." if len(repeats) > SHOWN_REPEATS else ""
    agreed = {
        column: getattr(repeats[0], column)
        for column in ("arch_id", "version", "date")
        if len({getattr(row, column) for row in repeats}) == 1
    }
    return replace(
        repeats[0],
        **{"arch_id": "", "version": "", "date": "", **agreed},
        ms=median(every),
        ms_low=every[0],
        ms_high=every[-1],
        ms_fast=None,
        runs=sum(n for n in runs if n) if all(runs) else None,
        note="; ".join([f"median of {len(repeats)} repeats: {shown} ms", *notes]),
    )


def write_measurements(
    path: Path, rows: Sequence[Measurement], comments: Sequence[str] = (), *, force: bool = False
) -> None:
    """Write all rows below `comments`. The file appears complete or not at all.

    Raises:
        ResultError: the file cannot be written, or exists and `force` is not set.
    """
    check_replaceable(path, force=force)
    with writing(path, path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with staged_file(path, force=force) as made:
        write_csv(made, COLUMNS, [astuple(row)[: len(COLUMNS)] for row in rows], comments)


def _check_header(header: Sequence[str], where: str) -> None:
    for column in header:
        if column in COLUMNS:
            continue
        if len(header) == 1 and (other := re.search(r"[;\t]", column)):
            raise DocumentError(f"{where}: columns separated by {other[0]!r}, expected ','")
        if _TIME.search(column):
            raise DocumentError(
                f"{where}: column {column!r}; expected the time in the column 'ms',"
                " in milliseconds per invocation"
            )
        raise UnknownNameError("column", column, COLUMNS, where)


def _measurement(line: CsvRow) -> Measurement:
    where = line.where
    if not line.cells["network"]:
        raise DocumentError(f"{where} (network): empty")
    values: dict[str, Any] = {
        column: _READ[column](line, column) if column in _READ else cell
        for column, cell in line.cells.items()
        if cell or column in REQUIRED
    }
    row = Measurement(place=where, **values)
    if (row.ms_low is None) != (row.ms_high is None):
        raise DocumentError(f"{where}: expected ms_low and ms_high, or neither")
    low, high = row.ms_low or row.ms, row.ms_high or row.ms
    if not low <= row.ms <= high:
        raise DocumentError(f"{where}: ms {row.ms:g} is outside its interval {low:g} to {high:g}")
    if row.ms_fast is not None and row.ms_fast > row.ms:
        raise DocumentError(f"{where} (ms_fast): found {row.ms_fast:g}, above ms {row.ms:g}")
    return row


def _ms(line: CsvRow, column: str) -> float:
    cell = line.cells[column]
    if not NUMBER.fullmatch(cell):
        line.fail(column, "milliseconds as a plain number")
    if not MIN_MS <= float(cell) <= MAX_MS:
        line.fail(column, f"{MIN_MS:g} to {MAX_MS:g} ms")
    return float(cell)


def _count(line: CsvRow, column: str) -> int:
    return line.integer(column, 1, MAX_COUNT)


def _precision(line: CsvRow, column: str) -> str:
    return line.name(column, "precision", PRECISIONS)


def _date(line: CsvRow, column: str) -> str:
    try:
        return date.fromisoformat(line.cells[column]).isoformat()
    except ValueError:
        line.fail(column, "a date as 2025-12-31")


#: column -> reader of its cells; other columns are plain text
_READ: dict[str, Callable[[CsvRow, str], Any]] = {
    **dict.fromkeys(("ms", "ms_low", "ms_high", "ms_fast"), _ms),
    **dict.fromkeys(("threads", "batch", "runs"), _count),
    "precision": _precision,
    "date": _date,
}
