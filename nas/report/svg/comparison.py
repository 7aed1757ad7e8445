"""Two networks as one picture: rows that belong together side by side, differences marked."""

from __future__ import annotations

from collections.abc import Sequence

from nas.report.svg.diagram import NetworkDiagram
from nas.report.svg.drawing import Drawing
from nas.report.svg.network import compose
from nas.report.svg.rows import DrawnRow, describe, drawn_rows, fills_of, shown_columns
from nas.report.tables.network import NetworkSummary

Pairs = list[tuple[DrawnRow | None, DrawnRow | None]]

LIKENESS = {"place": 4, "op": 3, "out": 1, "cells": 1}
"""How much it counts that two rows agree in something; other resolutions never pair."""


def comparison_picture(left: NetworkSummary, right: NetworkSummary) -> str:
    """Two networks as SVG; milliseconds in both where both are predicted, on one scale."""
    columns = shown_columns([left, right])
    pairs = align_rows(drawn_rows(left, columns), drawn_rows(right, columns))
    ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    drawn = [block for side in (ours, theirs) for block in side if block]
    fills, widest = fills_of(drawn), max(block.out for block in drawn)
    slowest = max(block.ms or 0 for block in drawn)
    panels = [
        (NetworkDiagram(own, columns, fills, widest, slowest, other), summary)
        for own, other, summary in ((ours, theirs, left), (theirs, ours, right))
    ]
    to = Drawing(
        f"{left.arch.name} beside {right.arch.name}",
        f"{left.arch.name}: {describe(ours)}. {right.arch.name}: {describe(theirs)}",
    )
    notes = "bold on yellow, or a framed block: differs", "dashed: no such row"
    return compose(to, panels, fills, drawn, *notes)


def align_rows(left: Sequence[DrawnRow], right: Sequence[DrawnRow]) -> Pairs:
    """The pairs of most likeness, in order; what has no like stands alone (Needleman, Wunsch)."""
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in reversed(range(len(left))):
        for j in reversed(range(len(right))):
            best[i][j] = max(
                best[i + 1][j],
                best[i][j + 1],
                best[i + 1][j + 1] + _likeness(left[i], right[j]),
            )
    pairs: Pairs = []
    i = j = 0
    while i < len(left) or j < len(right):
        if i == len(left) or j == len(right):
            alone = i == len(left)
        else:
            like = _likeness(left[i], right[j])
            if like and best[i][j] == best[i + 1][j + 1] + like:
                pairs.append((left[i], right[j]))
                i, j = i + 1, j + 1
                continue
            alone = best[i][j] == best[i][j + 1]
        pairs.append((None, right[j]) if alone else (left[i], None))
        i, j = (i, j + 1) if alone else (i + 1, j)
    return pairs


def _likeness(left: DrawnRow, right: DrawnRow) -> int:
    if left.place != right.place:
        return 0
    return sum(
        points for name, points in LIKENESS.items() if getattr(left, name) == getattr(right, name)
    )
