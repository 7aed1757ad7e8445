"""Tables as HTML, for notebooks: escaped, and without colours, so right on light and on dark.

A cell that is None is a dash: there is no such figure. Nothing here knows what it shows.
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
    """Columns of words to the left, then columns of numbers to the right, under their headers."""
    sides = [LEFT] * len(words) + [RIGHT] * len(numbers)
    head = _row("th", [*words, *numbers], sides)
    body = "".join(_row("td", row, sides) for row in rows)
    return f"<table>{_caption(title)}<thead>{head}</thead><tbody>{body}</tbody></table>"


def facts(pairs: Iterable[tuple[str, str]], *, title: str = "") -> str:
    """Names and values, one a line; nothing where there are none."""
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
