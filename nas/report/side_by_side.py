"""Networks side by side, one line each: the table of `nas compare` and `nas search`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nas.report.sheet import Sheet
from nas.report.table import (
    Column,
    interval,
    millions,
    numbers,
    plus_minus,
    print_facts,
    print_line,
    print_table,
)


def print_together(groups: Mapping[str, Iterable[Sheet]], *, title: str = "") -> None:
    """One table; each group's name stands on a line above its networks ("" has none)."""
    columns = [
        Column("network"),
        *numbers("predicted\nms", "estimated\ntop-1 %", "published\ntop-1 %"),
        *numbers("params\nM", "MACs\nM"),
    ]
    rows: list[list[str | None]] = []
    for name, sheets in groups.items():
        rows += [[f"{name}:", *[""] * 5]] if name else []
        rows += [_cells(sheet) for sheet in sheets]
    print_table(columns, rows, title=title)


def print_sources(sheets: Iterable[Sheet]) -> None:
    """Where each published figure of the table was printed."""
    sources = [(s.arch.name, f"published: {s.published[0]}") for s in sheets if s.published]
    if sources:
        print_line()
        print_facts(sources)


def _cells(sheet: Sheet) -> list[str | None]:
    p, guess, published = sheet.prediction, sheet.guess, sheet.published
    return [
        sheet.arch.name,
        interval(p.ms, p.low_ms, p.high_ms) if p else None,
        plus_minus(guess.top1, guess.sd) if guess else None,
        f"{published[0].top1:.1f}" if published else None,
        millions(sheet.arch.params),
        millions(sheet.arch.macs),
    ]
