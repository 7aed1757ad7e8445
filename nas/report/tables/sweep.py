"""The cells of a sweep as a terminal table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nas.report.tables.text import NameHeader, TableRow, interval, numbers
from nas.study.sweep.cell_status import CellStatus

VARYING = ("space", "device", "budget_ms", "strategy", "seed")
"""Columns shown if their values differ."""
FIGURES = ("done", "cut", "failed", "runs", "best\n%", "predicted\nms", "finals\n%")
ALWAYS = ("done", "best\n%")
"""Figures shown even if no cell has one yet."""


def cell_table(statuses: Sequence[CellStatus]) -> tuple[list[str], list[TableRow]]:
    """Columns and rows for the cells: settings that differ, state, progress, best result so far."""
    shown = [name for name in VARYING if len({getattr(s, name) for s in statuses}) > 1]
    settings = [name.removesuffix("_ms").replace("_", " ") + _unit(name) for name in shown]
    figures = [_figures(status) for status in statuses]
    kept = [
        number
        for number, header in enumerate(FIGURES)
        if header in ALWAYS or any(row[number] not in (None, "0") for row in figures)
    ]
    columns = [*settings, NameHeader("state"), *numbers(*(FIGURES[number] for number in kept))]
    rows: list[TableRow] = [
        [*(label_of(s, name) for name in shown), s.state, *(row[number] for number in kept)]
        for s, row in zip(statuses, figures, strict=True)
    ]
    return columns, rows


def _unit(name: str) -> str:
    return "\nms" if name.endswith("_ms") else ""


def label_of(status: CellStatus, name: str) -> str:
    """One of a cell's settings as text; a file is named by its stem."""
    value = getattr(status, name)
    return f"{value:g}" if isinstance(value, float) else Path(str(value)).stem


def _figures(s: CellStatus) -> TableRow:
    best = None if s.best_top1 is None else f"{s.best_top1:.1f}"
    winner = None if s.predicted_ms is None else f"{s.predicted_ms:.3f}"
    finals = None
    if s.trained_top1 is not None:
        assert s.trained_top1_low is not None and s.trained_top1_high is not None
        finals = interval(s.trained_top1, s.trained_top1_low, s.trained_top1_high)
    counts = (f"{s.trials}/{s.wanted}", str(s.stopped), str(s.failed), str(s.running))
    return [*counts, best, winner, finals]
