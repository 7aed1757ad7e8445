"""A network as a picture: one block a row, as wide as its output, on bands of one resolution.

Beside each block stands what its table says, and its predicted milliseconds as a bar. An arc is a
residual connection over the whole row, as the graph has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from textwrap import wrap

from nas.arch import Arch
from nas.blocks import FIELDS
from nas.report.drawing import DARK, EM, GREY, PALE, WHITE, Drawing, text_width
from nas.report.sheet import Sheet
from nas.report.table import interval, millions, plus_minus

HEADERS = {"k": "kernel", "exp": "expand", "se": "SE", "s": "stride", "n": "depth"}
"""What the picture calls a table's column, where its name is short."""
UNSAID = {"stride": "1"}
"""What an empty cell means, where it is held against another; else there is nothing."""
FILLS = (
    *("#9ecae9", "#f6b26b", "#a8d5a2", "#e3a8c8", "#ffe08a", "#c5b3e6", "#8fd3c8", "#d9b38c"),
    *("#c9d66b", "#f2a49b"),
)
"""Of ops in order of appearance; dark text is readable on each."""
ROW, BLOCK = 24, 18
"""Heights of a row and of the block in it."""
NARROWEST, WIDEST = 46, 190
"""A block, in pixels."""
ARC = 16
"""Room beside a block for its residual connection."""
BARS = 90
"""The longest bar of milliseconds."""
GAP, MARGIN = 14, 16
SMALL, TITLE = 11, 16
"""Sizes of text."""
DIFFERS, BAR = "#fff0b3", "#0072b2"


@dataclass(frozen=True)
class Block:
    """One row as it is drawn."""

    op: str
    place: str
    """Resolution that reaches it: `112×112`, or `vector`."""
    out: int
    """Channels that it yields."""
    skip: bool
    """Whether a residual connection goes around it."""
    cells: tuple[str, ...]
    """One a column of the picture; empty where the row has none."""
    ms: float | None
    known: bool
    """Whether there is a table: of a traced row nobody says what the cells would be."""


def blocks(sheet: Sheet, columns: Sequence[str]) -> list[Block]:
    """Every row of a network; `columns` are those of its table that are shown beside it."""
    ops = sheet.arch.graph.ops
    last = {op.row: index for index, op in enumerate(ops)}
    table = isinstance(sheet.arch, Arch)
    found = []
    for index, row in enumerate(sheet.rows):
        shape = ops[last[index]].shape
        skip = any(
            op.kind == "add" and last[index - 1] in op.inputs for op in ops if op.row == index
        )
        cells = tuple(_cell(name, row.get(name)) for name in columns)
        out = shape[0] if table or len(shape) == 3 else shape[-1]
        place = _place(row["in"])
        found.append(Block(row["op"], place, int(out), skip, cells, row["ms"], table))
    return found


def shown_columns(sheets: Iterable[Sheet]) -> list[str]:
    """Columns beside the blocks: the tables' own that say something, but for the width."""
    said = {
        name
        for sheet in sheets
        for name in sheet.columns
        if any(_cell(name, row.get(name)) for row in sheet.rows)
    }
    return [name for name in FIELDS if name in said - {"out"}]


def _place(shape: str) -> str:
    *sides, _ = shape.split("x")
    return "×".join(sides if len(sides) > 1 else sides * 2) or "vector"


def _cell(column: str, value: object) -> str:
    if value is None or (column == "s" and value == 1) or value == "none":
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text}×{text}" if column == "k" else text


@dataclass(frozen=True)
class Panel:
    """Blocks of one network under each other; a None is a row that only another network has."""

    blocks: Sequence[Block | None]
    columns: Sequence[str]
    fills: dict[str, str]
    """Of each op."""
    widest: int
    """Channels of the widest block in the picture."""
    slowest: float = 0.0
    """Milliseconds of the longest bar; 0: there are no bars."""
    others: Sequence[Block | None] = ()
    """What each row is held against."""

    @cached_property
    def _places(self) -> dict[str, tuple[float, float]]:
        """Header -> where its column begins and how wide it is."""
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
            width = {"channels": WIDEST + ARC, "predicted ms": BARS + 50}.get(header, needed)
            found[header] = (x, width)
            x += width + GAP
        return found

    @property
    def width(self) -> float:
        """Pixels it takes."""
        x, width = [*self._places.values()][-1]
        return x + width

    @property
    def height(self) -> float:
        """With the line of headers."""
        return (len(self.blocks) + 1) * ROW

    def draw(self, to: Drawing, left: float, top: float) -> None:
        """Headers, then row by row."""
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
        """A ground for each resolution, and its name at the first row of it."""
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

    def _row(self, to: Drawing, left: float, y: float, block: Block, other: Block | None) -> None:
        x = left + self._places["channels"][0]
        width = NARROWEST + (WIDEST - NARROWEST) * (block.out / self.widest) ** 0.5
        start, top, baseline = x + (WIDEST - width) / 2, y + (ROW - BLOCK) / 2, y + 16
        wider = bool(self.others) and (other is None or other.out != block.out)
        frame = DARK if wider else ""
        to.box(start, top, width, BLOCK, self.fills[block.op], stroke=frame, round_by=3)
        middle = x + WIDEST / 2
        to.text(middle, baseline, str(block.out), size=SMALL, anchor="middle", bold=wider)
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


def network_picture(sheet: Sheet) -> str:
    """One network as SVG, with a bar of milliseconds for each row where a device predicts them."""
    columns = shown_columns([sheet])
    own = blocks(sheet, columns)
    fills = fills_of(own)
    slowest = max(block.ms or 0 for block in own)
    panel = Panel(own, columns, fills, max(block.out for block in own), slowest)
    to = Drawing(f"Architecture of {sheet.arch.name}", describe(own))
    return compose(to, [(panel, sheet)], fills, own)


def compose(
    to: Drawing,
    panels: Sequence[tuple[Panel, Sheet]],
    fills: dict[str, str],
    drawn: Sequence[Block],
    *notes: str,
) -> str:
    """Panels beside each other, each under the facts of its network, over one legend."""
    facts = [_wrapped(panel.width, facts_of(sheet)) for panel, sheet in panels]
    under = MARGIN + TITLE + 8 + 15 * max(map(len, facts))
    width = MARGIN + sum(panel.width + 2 * MARGIN for panel, _ in panels) - MARGIN
    keys = _keys(fills, drawn, *notes)
    height = under + panels[0][0].height
    lines = [*_flow(keys, width - 2 * MARGIN)]
    height += 20 * (1 + max(line for line, _, _ in lines)) + MARGIN
    to.box(0, 0, width, height, WHITE)
    left: float = MARGIN
    for (panel, sheet), texts in zip(panels, facts, strict=True):
        to.text(left, MARGIN + TITLE - 2, sheet.arch.name, size=TITLE, bold=True)
        for index, text in enumerate(texts):
            to.text(left, MARGIN + TITLE + 15 * (index + 1), text, size=SMALL, colour=GREY)
        panel.draw(to, left, under)
        left += panel.width + 2 * MARGIN
    top = under + panels[0][0].height + 8
    for line, x, (key, fill) in lines:
        y = top + 20 * line
        if fill:
            to.box(MARGIN + x, y, 14, 14, fill, round_by=3)
        to.text(MARGIN + x + (20 if fill else 0), y + 11, key, size=SMALL)
    return to.svg(width, height)


def facts_of(sheet: Sheet) -> list[str]:
    """What is counted, predicted and estimated, each on a line of its own, and the source."""
    arch, p, guess = sheet.arch, sheet.prediction, sheet.guess
    lines = [f"{millions(arch.params)} M parameters, {millions(arch.macs)} M MACs"]
    if p and (device := sheet.device):
        level = f"{device.info['interval']['level']:.0%}"
        shown = f"{interval(p.ms, p.low_ms, p.high_ms)} {device.unit}"
        lines.append(f"predicted {shown} on {device.name} ({level} interval)")
        lines.append(f"of them {p.fixed_ms:.3f} ms fixed, in no row")
    if guess:
        lines.append(f"estimated {plus_minus(guess.top1, guess.sd)} % ImageNet top-1")
    return [*lines, arch.source]


def _wrapped(width: float, lines: Iterable[str]) -> list[str]:
    most = int(width / (SMALL * EM))
    return [part for line in lines for part in wrap(line, most)]


def fills_of(drawn: Iterable[Block]) -> dict[str, str]:
    """A colour for each op; more ops than colours share some, and are told apart by name."""
    names = dict.fromkeys(block.op for block in drawn)
    return {name: FILLS[index % len(FILLS)] for index, name in enumerate(names)}


def _keys(fills: dict[str, str], drawn: Sequence[Block], *notes: str) -> list[tuple[str, str]]:
    keys = list(fills.items())
    keys.append(("a block is labelled with its output channels", ""))
    if any(block.skip for block in drawn):
        keys.append(("arc: residual connection", ""))
    return keys + [(note, "") for note in notes]


def _flow(
    keys: Sequence[tuple[str, str]], width: float
) -> Iterable[tuple[int, float, tuple[str, str]]]:
    """Line and x of each key, wrapped."""
    line, x = 0, 0.0
    for text, fill in keys:
        needed = text_width(text, SMALL) + (20 if fill else 0)
        if x and x + needed > width:
            line, x = line + 1, 0.0
        yield line, x, (text, fill)
        x += needed + GAP


def describe(drawn: Iterable[Block | None]) -> str:
    """The rows in words, for who does not see the picture."""
    return "; ".join(
        f"{block.place} {block.op} to {block.out} channels" for block in drawn if block
    )
