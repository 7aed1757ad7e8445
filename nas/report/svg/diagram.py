"""One network as a column of blocks beside the columns of its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from nas.report.svg.drawing import DARK, GREY, PALE, WHITE, Drawing, text_width
from nas.report.svg.rows import DrawnRow

HEADERS = {"k": "kernel", "exp": "expand", "se": "SE", "s": "stride", "n": "depth"}
"""Headers of table columns with abbreviated names."""
UNSAID = {"stride": "1"}
"""Text for an empty cell that differs from the other network's."""
ROW, BLOCK = 24, 18
"""Heights of a row and of the block in it."""
NARROWEST, WIDEST = 46, 190
"""Widths of the narrowest and the widest block, in pixels."""
ARC = 16
"""Space beside a block for its residual connection."""
BARS, FIGURE = 90, 60
"""Lengths of the longest latency bar and of its label."""
GAP = 14
"""Space between columns."""
SMALL = 11
"""Font size."""
DIFFERS, BAR = "#fff0b3", "#0072b2"


@dataclass(frozen=True)
class NetworkDiagram:
    """Blocks of one network; None is a row that only the other network has."""

    blocks: Sequence[DrawnRow | None]
    columns: Sequence[str]
    fills: dict[str, str]
    """Op -> colour."""
    widest: int
    """Channels of the widest block in the whole drawing."""
    slowest: float = 0.0
    """Milliseconds of the longest bar; 0 for no bars."""
    others: Sequence[DrawnRow | None] = ()
    """The other network's row for each row, to mark differences."""

    @cached_property
    def _places(self) -> dict[str, tuple[float, float]]:
        """Header -> left edge and width of its column."""
        own = [block for block in self.blocks if block]
        texts = {"": [block.place for block in own], "channels": [], "op": [b.op for b in own]}
        for index, name in enumerate(self.columns):
            cells = [block.cells[index] for block in own]
            texts[HEADERS.get(name, name)] = [*cells, *(["none"] if self.others else [])]
        if self.slowest:
            texts["predicted ms"] = []
        found, x = {}, 0.0
        for header, cells in texts.items():
            needed = max(text_width(text, SMALL, bold=True) for text in (header, *cells))
            width = {"channels": WIDEST + ARC, "predicted ms": BARS + FIGURE}.get(header, needed)
            found[header] = (x, width)
            x += width + GAP
        return found

    @property
    def width(self) -> float:
        """Total width in pixels."""
        x, width = [*self._places.values()][-1]
        return x + width

    @property
    def height(self) -> float:
        """Total height in pixels, with the headers."""
        return (len(self.blocks) + 1) * ROW

    def draw(self, to: Drawing, left: float, top: float) -> None:
        """Draw the headers and all rows."""
        for header, (x, _) in self._places.items():
            middle = header == "channels"
            at, anchor = (x + WIDEST / 2, "middle") if middle else (x, "start")
            to.text(left + at, top + 16, header, size=SMALL, colour=GREY, anchor=anchor)
        self._bands(to, left, top + ROW)
        centre = left + self._places["channels"][0] + WIDEST / 2
        first, end = top + ROW * 1.5, top + self.height - ROW / 2
        to.line([(centre, first), (centre, end)])
        others = self.others or [None] * len(self.blocks)
        for index, (block, other) in enumerate(zip(self.blocks, others, strict=True)):
            y = top + ROW * (index + 1)
            if block is None:
                place = (centre - NARROWEST / 2, y + (ROW - BLOCK) / 2, NARROWEST, BLOCK)
                to.box(*place, WHITE, stroke=GREY, dashed=True, round_by=3)
            else:
                self._row(to, left, y, block, other)

    def _bands(self, to: Drawing, left: float, top: float) -> None:
        """Shade every other resolution and label its first row."""
        place, shade = "", False
        for index, block in enumerate(self.blocks):
            new = block is not None and block.place != place
            if new and block:
                place, shade = block.place, not shade
            y = top + ROW * index
            if shade:
                to.box(left - 6, y, self.width + 12, ROW, PALE)
            if new:
                to.text(left, y + 16, place, size=SMALL, bold=True)

    def _row(
        self, to: Drawing, left: float, y: float, block: DrawnRow, other: DrawnRow | None
    ) -> None:
        x = left + self._places["channels"][0]
        width = NARROWEST + (WIDEST - NARROWEST) * (block.out / self.widest) ** 0.5
        start, top, baseline = x + (WIDEST - width) / 2, y + (ROW - BLOCK) / 2, y + 16
        resized = bool(self.others) and (other is None or other.out != block.out)
        frame = DARK if resized else ""
        to.box(start, top, width, BLOCK, self.fills[block.op], stroke=frame, round_by=3)
        middle = x + WIDEST / 2
        to.text(middle, baseline, str(block.out), size=SMALL, anchor="middle", bold=resized)
        if block.skip:
            to.arc(start + width, top, top + BLOCK, ARC - 4)
        headers = ("op", *(HEADERS.get(name, name) for name in self.columns))
        texts = (block.op, *block.cells)
        comparable = other is not None and other.known and block.known
        cells = other.cells if other and comparable else block.cells
        before = (other.op if other else "", *cells)
        for header, text, old in zip(headers, texts, before, strict=True):
            at, room = self._places[header]
            changed = bool(self.others) and text != old
            if changed:
                to.box(left + at - 4, y + 3, room + 8, ROW - 6, DIFFERS)
            shown = text or (UNSAID.get(header, "none") if changed else "")
            to.text(left + at, baseline, shown, size=SMALL, bold=changed)
        if self.slowest and block.ms is not None:
            self._bar(to, left, y, block.ms)

    def _bar(self, to: Drawing, left: float, y: float, ms: float) -> None:
        x = left + self._places["predicted ms"][0]
        length = max(1.0, BARS * ms / self.slowest)
        to.box(x, y + 6, length, ROW - 12, BAR)
        to.text(x + length + 5, y + 16, f"{ms:.3f}", size=SMALL)
