"""HTML tables for notebooks: escaped, and without colours, to suit light and dark themes.

A cell that is None shows a dash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

Cells = Sequence[str | None]

RIGHT = ' style="text-align:right"'
LEFT = ' style="text-align:left"'


def table(
    words: Sequence[str], numbers: Sequence[str], rows: Iterable[Cells], *, title: str = ""
) -> str:
    """Return a table of columns of words, aligned left, and columns of numbers, aligned right."""
    sides = [LEFT] * len(words) + [RIGHT] * len(numbers)
    head = _row("th", [*words, *numbers], sides)
    body = "".join(_row("td", row, sides) for row in rows)
    return f"<table>{_caption(title)}<thead>{head}</thead><tbody>{body}</tbody></table>"


def facts(pairs: Iterable[tuple[str, str]], *, title: str = "") -> str:
    """Return names and values, one per row; empty without any."""
    body = "".join(_row("td", pair, [LEFT, LEFT]) for pair in pairs)
    return f"<table>{_caption(title)}<tbody>{body}</tbody></table>" if body else ""


def _caption(title: str) -> str:
    if not title:
        return ""
    return f'<caption style="text-align:left"><b>{escape(title)}</b></caption>'


def _row(tag: str, cells: Cells, sides: Sequence[str]) -> str:
    shown = zip(cells, sides, strict=True)
    inner = "".join(f"<{tag}{side}>{_cell(cell)}</{tag}>" for cell, side in shown)
    return f"<tr>{inner}</tr>"


def _cell(cell: str | None) -> str:
    return "-" if cell is None else escape(cell)
