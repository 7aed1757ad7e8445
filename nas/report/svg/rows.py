"""The rows of a network as they are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nas.blocks import FIELDS
from nas.graph.ops import Op
from nas.report.tables.network import NetworkSummary
from nas.space.arch import Arch

FILLS = (
    *("#9ecae9", "#f6b26b", "#a8d5a2", "#e3a8c8", "#ffe08a", "#c5b3e6", "#8fd3c8", "#d9b38c"),
    *("#c9d66b", "#f2a49b"),
)
"""Colours of ops in order of appearance; dark text is readable on each."""
LAYOUTS = {"reshape", "permute", "roll"}
"""Ops that only move values."""
PASSING = {"act", "batch_norm", "layer_norm", "group_norm", "mul", "scale"}
"""Ops after which a sum still holds what was added."""


@dataclass(frozen=True)
class DrawnRow:
    """One row as it is drawn."""

    op: str
    place: str
    """Input resolution: `112×112`, or `vector`."""
    out: int
    """Output channels."""
    skip: bool
    """Whether a residual connection spans the row."""
    cells: tuple[str, ...]
    """Text for each shown column; empty if the row has no such column."""
    ms: float | None
    known: bool
    """False for a traced row, which has no table and so no cells."""


def drawn_rows(summary: NetworkSummary, columns: Sequence[str]) -> list[DrawnRow]:
    """The rows of a network with the text of these table columns."""
    ops = summary.arch.graph.ops
    last = {op.row: index for index, op in enumerate(ops)}
    table = isinstance(summary.arch, Arch)
    found = []
    for index, row in enumerate(summary.rows):
        shape = ops[last[index]].shape
        skip = index > 0 and _has_residual(ops, index, last[index - 1], last[index])
        cells = tuple(_cell(name, row.get(name)) for name in columns)
        out = shape[0] if table or len(shape) == 3 else shape[-1]
        place = _place(row["in"])
        found.append(DrawnRow(row["op"], place, int(out), skip, cells, row["ms"], table))
    return found


def _has_residual(ops: Sequence[Op], row: int, entry: int, end: int) -> bool:
    """Whether a residual connection spans a row, from op `entry` before it to its last op.

    An addition takes up what entered the row, and what it gives reaches the end of the row without
    a layer: a branch that ends in the middle of the row spans less.
    """
    entered, summed = {entry}, set[int]()
    for index, op in enumerate(ops):
        if op.row != row:
            continue
        if (op.kind == "add" and entered & {*op.inputs}) or (
            op.kind in {"add", *PASSING, *LAYOUTS} and summed & {*op.inputs}
        ):
            summed.add(index)
        elif op.kind in LAYOUTS and entered & {*op.inputs}:
            entered.add(index)
    return end in summed


def shown_columns(summaries: Iterable[NetworkSummary]) -> list[str]:
    """Table columns with any text, except for the output width."""
    said = {
        name
        for summary in summaries
        for name in summary.columns
        if any(_cell(name, row.get(name)) for row in summary.rows)
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


def fills_of(drawn: Iterable[DrawnRow]) -> dict[str, str]:
    """A colour for each op; with more ops than colours, some share one."""
    names = dict.fromkeys(block.op for block in drawn)
    return {name: FILLS[index % len(FILLS)] for index, name in enumerate(names)}


def describe(drawn: Iterable[DrawnRow | None]) -> str:
    """The rows as text, for readers who cannot see the drawing."""
    return "; ".join(
        f"{block.place} {block.op} to {block.out} channels" for block in drawn if block
    )
