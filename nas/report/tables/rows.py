"""A network's own table with what every row costs: of `nas show` and of a page."""

from __future__ import annotations

from typing import Any

from nas.report.tables.network import Sheet
from nas.report.tables.text import Column, numbers


def columns(sheet: Sheet) -> list[Column]:
    """Input shape, op, the columns that the table needs, and costs."""
    costs = numbers(*sheet.columns, "params", "MACs\nM", *(["ms"] if sheet.prediction else []))
    return [Column("in"), Column("op"), *costs]


def cells(sheet: Sheet) -> list[list[str | None]]:
    """One line a row, and one for the part of the latency that is in no row."""
    keys = ["in", "op", *sheet.columns, "params", "macs", *(["ms"] if sheet.prediction else [])]
    rows = [[_cell(key, row.get(key)) for key in keys] for row in sheet.rows]
    if sheet.prediction:
        blank = [""] * (len(keys) - 3)
        rows.append(["", "fixed part", *blank, _cell("ms", sheet.prediction.fixed_ms)])
    return rows


def total(sheet: Sheet) -> list[str | None]:
    """The line under the rows."""
    found = [_cell(key, sum(row[key] for row in sheet.rows)) for key in ("params", "macs")]
    ms = [_cell("ms", sheet.prediction.ms)] if sheet.prediction else []
    return ["", "total", *[""] * len(sheet.columns), *found, *ms]


def _cell(key: str, value: Any) -> str | None:
    """A cell as text; None where the op has no such column."""
    if value is None:
        return None
    if key == "params":
        return f"{value:,}"
    if key == "macs":
        return f"{value / 1e6:,.2f}"
    if key == "ms":
        return f"{value:.3f}"
    return f"{value:g}" if isinstance(value, float) else str(value)
