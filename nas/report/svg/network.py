"""A network as SVG: one block for each row, as wide as its output channels.

Beside each block are its table's columns and a bar of predicted milliseconds. An arc is a residual
connection over the whole row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap

from nas.library import DISTILLED, SUPERVISED
from nas.report.svg.diagram import GAP, SMALL, NetworkDiagram
from nas.report.svg.drawing import EM, GREY, WHITE, Drawing, text_width
from nas.report.svg.rows import DrawnRow, describe, drawn_rows, fills_of, shown_columns
from nas.report.tables.network import NetworkSummary
from nas.report.tables.text import interval, millions, plus_minus

MARGIN = 16
"""Margin around the drawing; twice as much between two networks."""
TITLE, LINE, KEY = 16, 15, 20
"""Font size of the title; heights of a line of facts and of the legend."""
SWATCH = 14
"""Side of a colour square in the legend."""
Rows = Sequence[DrawnRow | None]
Side = tuple[NetworkSummary, Rows, Rows]
"""A network, its rows, and the rows of another network to mark differences, if any."""


def network_picture(summary: NetworkSummary) -> str:
    """Draw one network, with a latency bar for each row if latency is predicted."""
    columns = shown_columns([summary])
    rows = drawn_rows(summary, columns)
    to = Drawing(f"Architecture of {summary.arch.name}", describe(rows))
    return compose(to, columns, [(summary, rows, ())])


def compose(to: Drawing, columns: Sequence[str], sides: Sequence[Side], *notes: str) -> str:
    """Place diagrams side by side, each below its network's facts, above one legend."""
    drawn = [row for _, rows, _ in sides for row in rows if row]
    fills, widest = fills_of(drawn), max(row.out for row in drawn)
    slowest = max(row.ms or 0 for row in drawn)
    panels = [
        (NetworkDiagram(rows, columns, fills, widest, slowest, others), summary)
        for summary, rows, others in sides
    ]
    facts = [_wrapped(panel.width, facts_of(summary)) for panel, summary in panels]
    under = MARGIN + TITLE + 8 + LINE * max(map(len, facts))
    width = sum(panel.width + 2 * MARGIN for panel, _ in panels)
    foot = under + panels[0][0].height + 8
    keys = [*_flow(_keys(fills, drawn, *notes), width - 2 * MARGIN)]
    height = foot + KEY * (1 + keys[-1][0]) + 8
    to.box(0, 0, width, height, WHITE)
    left: float = MARGIN
    for (panel, summary), lines in zip(panels, facts, strict=True):
        _head(to, left, summary.arch.name, lines, panel.width)
        panel.draw(to, left, under)
        left += panel.width + 2 * MARGIN
    for line, x, text, fill in keys:
        y = foot + KEY * line
        if fill:
            to.box(MARGIN + x, y, SWATCH, SWATCH, fill, round_by=3)
        to.text(MARGIN + x + (KEY if fill else 0), y + 11, text, size=SMALL)
    return to.svg(width, height)


def _head(to: Drawing, left: float, name: str, lines: Sequence[str], width: float) -> None:
    """Draw the name (smaller if it is long) and the facts below it."""
    size = min(TITLE, TITLE * width / text_width(name, TITLE, bold=True))
    to.text(left, MARGIN + TITLE - 2, name, size=size, bold=True)
    for index, text in enumerate(lines, start=1):
        to.text(left, MARGIN + TITLE + LINE * index, text, size=SMALL, colour=GREY)


def facts_of(summary: NetworkSummary) -> list[str]:
    """Lines for what is counted, predicted and estimated, and for the source."""
    arch, p = summary.arch, summary.prediction
    lines = [f"{millions(arch.params)} M parameters, {millions(arch.macs)} M MACs"]
    if p and (device := summary.device):
        level = f"{device.info['interval']['level']:.0%}"
        shown = f"{interval(p.ms, p.low_ms, p.high_ms)} {device.unit}"
        lines.append(f"predicted {shown} on {device.name} ({level} interval)")
        lines.append(f"of them {p.fixed_ms:.3f} ms fixed, in no row")
    for kind, guess in ((SUPERVISED, summary.guess), (DISTILLED, summary.distilled)):
        if guess:
            shown = plus_minus(guess.top1, guess.sd)
            lines.append(f"estimated {shown} % ImageNet top-1, {kind}")
    return [*lines, arch.source]


def _wrapped(width: float, lines: Iterable[str]) -> list[str]:
    most = int(width / (SMALL * EM))
    return [part for line in lines for part in wrap(line, most)]


def _keys(
    fills: Mapping[str, str], drawn: Sequence[DrawnRow], *notes: str
) -> Iterator[tuple[str, str]]:
    """Legend texts and their colours; notes have no colour."""
    yield from fills.items()
    yield "a block is labelled with its output channels", ""
    if any(block.skip for block in drawn):
        yield "arc: residual connection", ""
    yield from ((note, "") for note in notes)


def _flow(keys: Iterable[tuple[str, str]], width: float) -> Iterator[tuple[int, float, str, str]]:
    """Line number and x of each legend entry, wrapped to the width."""
    line, x = 0, 0.0
    for text, fill in keys:
        needed = text_width(text, SMALL) + (KEY if fill else 0)
        if x and x + needed > width:
            line, x = line + 1, 0.0
        yield line, x, text, fill
        x += needed + GAP
