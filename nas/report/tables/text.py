"""The only printer of tables: plain, numbers to the right, units in the headers.

A number is never cut: where the terminal is too narrow, text wraps, then the gaps shrink, then
words are broken, and at last the table is wider than the terminal. Tables and JSON go to stdout,
everything else to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

TableRow = Sequence[str | None]
"""One row; None is printed as a dash: there is no such figure."""

LAYOUTS = ((2, 20), (1, 20), (1, 12))
"""Spaces between two columns, and the longest word of a text that is kept whole: the first that
fits."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Text wraps to what is left of the line; a column to the right never does."""

    header: str
    """With its unit on a second line: `MACs` newline `M`."""
    justify: Literal["left", "right"] = "left"


def numbers(*headers: str) -> list[Column]:
    """Columns of numbers."""
    return [Column(header, "right") for header in headers]


def print_table(
    columns: Sequence[Column],
    rows: Iterable[TableRow],
    *,
    title: str = "",
    total: TableRow | None = None,
) -> None:
    """Print a table to stdout, with `total` under a rule."""
    from rich.console import Console

    body = list(rows)
    console = Console()
    for gap, word in LAYOUTS:
        table = render(columns, body, title=title, total=total, gap=gap, word=word)
        least = sum(column.min_width or 0 for column in table.columns) + gap * (len(columns) - 1)
        wide = Console(width=max(console.width, least))
        if _width(table, wide) <= console.width:
            break
    wide.print(table, crop=False)


def _width(table: Table, console: Console) -> int:
    """Of the longest line; rich may take more than it has, to leave no column below its least."""
    from rich.segment import Segment

    lines = Segment.split_lines(console.render(table))
    return max(map(Segment.get_line_length, lines), default=0)


def render(
    columns: Sequence[Column],
    rows: Iterable[TableRow],
    *,
    title: str = "",
    total: TableRow | None = None,
    gap: int = LAYOUTS[0][0],
    word: int = LAYOUTS[0][1],
) -> Table:
    """Lay out the table for rich, as a layout of `LAYOUTS` says."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title) if title else None,
        title_justify="left",
        title_style="bold",
        box=SIMPLE,
        show_edge=False,
        pad_edge=False,
        padding=(0, gap - 1),
        collapse_padding=True,
        show_header=any(column.header for column in columns),
        show_footer=total is not None,
    )
    # Text, since a string would be read as rich's markup: "[0.91, 1.09]" is none
    body = [[Text("-" if cell is None else cell) for cell in row] for row in rows]
    feet = [Text(cell or "") for cell in total or [""] * len(columns)]
    for index, (column, foot) in enumerate(zip(columns, feet, strict=True)):
        header = Text(column.header)
        table.add_column(
            header,
            foot,
            justify=column.justify,
            min_width=_narrowest(column, [header, foot, *(row[index] for row in body)], word),
            no_wrap=column.justify == "right",
            overflow="fold",
        )
    for row in body:
        table.add_row(*row)
    return table


def _narrowest(column: Column, cells: Iterable[Text], word: int) -> int:
    """Characters that a column cannot do without: a whole number, or an ordinary word."""
    if column.justify == "right":
        return max(line.cell_len for cell in cells for line in cell.split(allow_blank=True))
    return min(word, max(len(part) for cell in cells for part in cell.plain.split() or [""]))


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one a line."""
    print_table([Column(""), Column("")], facts)


def print_line(text: str = "") -> None:
    """Print one line of text to stdout."""
    sys.stdout.write(text + "\n")


def print_json(content: Any) -> None:
    """Print one JSON document to stdout; a NaN in it is a bug of ours, not a number to pass on."""
    print_line(json.dumps(content, indent=2, allow_nan=False))


def interval(value: float, low: float, high: float) -> str:
    """`1.00 [0.91, 1.09]`; from 10 on with one decimal, from 100 on with none."""
    decimals = _decimals(high)
    return f"{value:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


def plain(value: float) -> str:
    """`1.00`, `23.4`, `456`: as many decimals as `interval` gives."""
    return f"{value:.{_decimals(value)}f}"


def _decimals(value: float) -> int:
    return 2 if value < 10 else 1 if value < 100 else 0


def plus_minus(value: float, sd: float) -> str:
    """`75.2 ± 0.4`."""
    return f"{value:.1f} ± {sd:.1f}"


def millions(count: int) -> str:
    """5483032 as `5.48`."""
    return f"{count / 1e6:,.2f}"
