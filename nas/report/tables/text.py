"""Print tables, facts, lines and JSON; numbers are right-aligned, units are in headers.

A number or name is never cut. In a narrow terminal text wraps, then gaps shrink, then words are
broken, and in the end the table is wider than the terminal. Tables and JSON go to stdout.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

TableRow = Sequence[str | None]
"""One row; None (there is no value) is printed as a dash."""

LAYOUTS = ((2, 32), (1, 32), (1, 12))
"""Spaces between columns, and length of the longest unbroken word; the first pair that fits is
used.
"""


class NumberHeader(str):
    """Name of a column of numbers, with the unit on a second line: `MACs` newline `M`."""

    __slots__ = ()


class NameHeader(str):
    """Name of a column of names, which are never broken, so that they can be copied."""

    __slots__ = ()


def numbers(*headers: str) -> list[str]:
    """Headers of right-aligned columns, which never wrap; other headers are strings."""
    return [NumberHeader(header) for header in headers]


def justify(header: str) -> Literal["left", "right"]:
    """Alignment of the column below a header."""
    return "right" if isinstance(header, NumberHeader) else "left"


def print_table(
    columns: Sequence[str],
    rows: Iterable[TableRow],
    *,
    title: str = "",
    total: TableRow | None = None,
    keys: int | None = None,
) -> None:
    """Print a table to stdout, with `total` under a rule.

    With `keys`, a table that does not fit is printed in parts, each with the first `keys` columns;
    columns with a total stay together.
    """
    from rich.console import Console

    console, lines = Console(), list(rows)
    if keys is None:
        _print(columns, lines, title, total)
        return
    summed = sum(map(bool, (total or [])[keys:]))
    for number, part in enumerate(_parts(columns, lines, console, keys, summed)):
        if number:
            print_line()
        own = [[line[i] for i in part] for line in lines]
        told = [line for line in own if any(cell != "" for cell in line[keys:])]
        sums = [total[i] for i in part] if total and any(total[i] for i in part[keys:]) else None
        _print([columns[i] for i in part], told, "" if number else title, sums)


def _parts(
    columns: Sequence[str], rows: Sequence[TableRow], console: Console, keys: int, summed: int
) -> list[list[int]]:
    """Indices of the columns of each part of a table; the last `summed` are in the last part."""

    def fits(part: Sequence[int]) -> bool:
        own = [[row[i] for i in part] for row in rows]
        table, least = fitted([columns[i] for i in part], own, console)
        return max(least, _width(table, console)) <= console.width

    first, rest = list(range(keys)), list(range(keys, len(columns)))
    parts: list[list[int]] = []
    while rest and not fits([*first, *rest]):
        most = max(len(rest) - summed, 1)
        size = next((n for n in range(most, 1, -1) if fits([*first, *rest[:n]])), 1)
        parts.append([*first, *rest[:size]])
        rest = rest[size:]
    return [*parts, [*first, *rest]] if rest else parts


def _print(
    columns: Sequence[str], rows: Sequence[TableRow], title: str, total: TableRow | None
) -> None:
    from rich.console import Console

    console = Console()
    table, least = fitted(columns, rows, console, title=title, total=total)
    wide = Console(width=max(console.width, least))
    with wide.capture() as capture:
        wide.print(table, crop=False)
    # without padding at the end, which a narrower terminal would show as empty lines
    for line in capture.get().splitlines():
        print_line(line.rstrip())


def fitted(
    columns: Sequence[str],
    rows: Sequence[TableRow],
    console: Console,
    *,
    title: str = "",
    total: TableRow | None = None,
) -> tuple[Table, int]:
    """The table in the first of `LAYOUTS` that fits a console, or the last, and its least width."""
    from rich.console import Console

    for gap, word in LAYOUTS:
        table = render(columns, rows, title=title, total=total, gap=gap, word=word)
        least = sum(column.min_width or 0 for column in table.columns) + gap * (len(columns) - 1)
        wide = Console(width=max(console.width, least))
        if _width(table, wide) <= console.width:
            break
    return table, least


def _width(table: Table, console: Console) -> int:
    """Width of the longest line, which may exceed the console's width."""
    from rich.segment import Segment

    lines = Segment.split_lines(console.render(table))
    return max(map(Segment.get_line_length, lines), default=0)


def render(
    columns: Sequence[str],
    rows: Iterable[TableRow],
    *,
    title: str = "",
    total: TableRow | None = None,
    gap: int = LAYOUTS[0][0],
    word: int = LAYOUTS[0][1],
) -> Table:
    """Make the table for rich, with a layout of `LAYOUTS`."""
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
        show_header=any(columns),
        show_footer=total is not None,
    )
    # Text, because rich would read "[0.91, 1.09]" in a string as markup
    body = [[Text("-" if cell is None else cell) for cell in row] for row in rows]
    feet = [Text(cell or "") for cell in total or [""] * len(columns)]
    for index, (column, foot) in enumerate(zip(columns, feet, strict=True)):
        header, side = Text(column), justify(column)
        cells = [header, foot, *(row[index] for row in body)]
        name = isinstance(column, NameHeader)
        table.add_column(
            header,
            foot,
            justify=side,
            min_width=_narrowest(side, cells, None if name else word),
            # rich would take room from headed names, which have none to give
            no_wrap=side == "right"
            or (name and bool(column) and not any(" " in cell for cell in cells)),
            overflow="fold",
        )
    for row in body:
        table.add_row(*row)
    return table


def _narrowest(side: str, cells: Iterable[Text], word: int | None) -> int:
    """Minimum width of a column: its longest number, or its longest word up to `word`."""
    if side == "right":
        return max(line.cell_len for cell in cells for line in cell.split(allow_blank=True))
    longest = max(len(part) for cell in cells for part in cell.plain.split() or [""])
    return longest if word is None else min(word, longest)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one pair on each line; a path in a value is not broken."""
    print_table(["", NameHeader("")], facts)


def print_facts_below(facts: Iterable[tuple[str, str]]) -> None:
    """Print facts after an empty line, below a table; print nothing without facts."""
    if found := list(facts):
        print_line()
        print_facts(found)


def print_line(text: str = "") -> None:
    """Print one line of text to stdout."""
    sys.stdout.write(text + "\n")


def print_json(content: Any) -> None:
    """Print one JSON document to stdout; NaN raises an error."""
    print_line(json.dumps(content, indent=2, allow_nan=False))


def interval(value: float, low: float, high: float) -> str:
    """Format as `1.00 [0.91, 1.09]`; one decimal from 10, none from 100."""
    decimals = _decimals(high)
    return f"{value:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


def plain(value: float) -> str:
    """Format as `1.00`, `23.4` or `456`, with as many decimals as `interval`."""
    return f"{value:.{_decimals(value)}f}"


def _decimals(value: float) -> int:
    return 2 if value < 10 else 1 if value < 100 else 0


def plus_minus(value: float, sd: float) -> str:
    """Format as `75.2 ± 0.4`."""
    return f"{value:.1f} ± {sd:.1f}"


def count(number: int, noun: str) -> str:
    """A count with its noun: `1 seed`, `2 seeds`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def millions(count: int) -> str:
    """Format 5483032 as `5.48`."""
    return f"{count / 1e6:,.2f}"
