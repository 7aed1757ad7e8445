"""The table of a network with the cost of every row."""

from __future__ import annotations

from typing import Any

from nas.report.tables.network import NetworkSummary
from nas.report.tables.text import numbers


def columns(summary: NetworkSummary) -> list[str]:
    """Columns: input shape, op, the network's own columns, costs."""
    costs = numbers(*summary.columns, "params", "MACs\nM", *(["ms"] if summary.prediction else []))
    return ["in", "op", *costs]


def cells(summary: NetworkSummary) -> list[list[str | None]]:
    """One line for each row, and one for the fixed part of the latency."""
    keys = ["in", "op", *summary.columns, "params", "macs", *(["ms"] if summary.prediction else [])]
    rows = [[_cell(key, row.get(key)) for key in keys] for row in summary.rows]
    if summary.prediction:
        blank = [""] * (len(keys) - 3)
        rows.append(["", "fixed part", *blank, _cell("ms", summary.prediction.fixed_ms)])
    return rows


def total(summary: NetworkSummary) -> list[str | None]:
    """Totals below the rows."""
    found = [_cell(key, sum(row[key] for row in summary.rows)) for key in ("params", "macs")]
    ms = [_cell("ms", summary.prediction.ms)] if summary.prediction else []
    return ["", "total", *[""] * len(summary.columns), *found, *ms]


def _cell(key: str, value: Any) -> str | None:
    """A cell as text; None if the op has no such column."""
    if value is None:
        return None
    if key == "params":
        return f"{value:,}"
    if key == "macs":
        return f"{value / 1e6:,.2f}"
    if key == "ms":
        return f"{value:.3f}"
    return f"{value:g}" if isinstance(value, float) else str(value)
