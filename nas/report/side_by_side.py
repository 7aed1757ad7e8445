"""Networks side by side, one line each; figures of different kinds in different columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nas.report.sheet import Sheet
from nas.report.table import (
    Cells,
    Column,
    interval,
    millions,
    numbers,
    plus_minus,
    print_facts,
    print_line,
    print_table,
)

COLUMNS = [
    Column("network"),
    *numbers("predicted\nms", "estimated\ntop-1 %", "published\ntop-1 %", "params\nM", "MACs\nM"),
]


def print_together(groups: Mapping[str, Sequence[Sheet]], *, title: str = "") -> None:
    """Print one table; a group's name stands above its networks, unless it is empty."""
    rows: list[Cells] = []
    for name, sheets in groups.items():
        if name and sheets:
            rows.append([name, *[""] * (len(COLUMNS) - 1)])
        rows += [_cells(sheet, indent="  " if name else "") for sheet in sheets]
    print_table(COLUMNS, rows, title=title)


def print_sources(sheets: Iterable[Sheet]) -> None:
    """Print where the published figures come from, one line a network."""
    sources = [(s.arch.name, f"published: {s.published[0]}") for s in sheets if s.published]
    if sources:
        print_line()
        print_facts(sources)


def _cells(sheet: Sheet, *, indent: str) -> Cells:
    p, guess = sheet.prediction, sheet.guess
    return [
        indent + sheet.arch.name,
        interval(p.ms, p.low_ms, p.high_ms) if p else None,
        plus_minus(guess.top1, guess.sd) if guess else None,
        f"{sheet.published[0].top1:.1f}" if sheet.published else None,
        millions(sheet.arch.params),
        millions(sheet.arch.macs),
    ]
