"""Two networks side by side as SVG: matching rows beside each other, differences marked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import chain, groupby, zip_longest
from operator import attrgetter
from typing import TypeVar

from nas.report.svg.drawing import Drawing
from nas.report.svg.network import compose
from nas.report.svg.rows import DrawnRow, describe, drawn_rows, shown_columns
from nas.report.tables.network import NetworkSummary

T = TypeVar("T")
Pair = tuple[DrawnRow | None, DrawnRow | None]
Pairs = list[Pair]


def comparison_picture(left: NetworkSummary, right: NetworkSummary) -> str:
    """Two networks as SVG; where latency is predicted for both, their bars have one scale."""
    columns = shown_columns([left, right])
    pairs = align_rows(drawn_rows(left, columns), drawn_rows(right, columns))
    ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    to = Drawing(
        f"{left.arch.name} beside {right.arch.name}",
        f"{left.arch.name}: {describe(ours)}. {right.arch.name}: {describe(theirs)}",
    )
    notes = "bold on yellow, or a framed block: differs", "dashed: no such row"
    return compose(to, columns, [(left, ours, theirs), (right, theirs, ours)], *notes)


def align_rows(left: Sequence[DrawnRow], right: Sequence[DrawnRow]) -> Pairs:
    """Pair rows of the same resolution, in order; others stand alone."""
    own, other = (
        [[*run] for _, run in groupby(rows, attrgetter("place"))] for rows in (left, right)
    )
    pairs: Pairs = []
    for equal, ours, theirs in _matched(own, other, lambda run: run[0].place):
        if equal:
            pairs += chain.from_iterable(map(_pairs, ours, theirs))
        else:
            pairs += [(row, None) for run in ours for row in run]
            pairs += [(None, row) for run in theirs for row in run]
    return pairs


def _pairs(
    own: Sequence[DrawnRow], other: Sequence[DrawnRow], names: Sequence[str] = ("op", "out")
) -> Iterator[Pair]:
    """Pair rows of one resolution: first those of the same op and width, then of the same op."""
    if not names:
        yield from zip_longest(own, other)
        return
    for equal, ours, theirs in _matched(own, other, attrgetter(*names)):
        yield from _pairs(ours, theirs, () if equal else names[:-1])


def _matched(
    left: Sequence[T], right: Sequence[T], key: Callable[[T], Hashable]
) -> Iterator[tuple[bool, Sequence[T], Sequence[T]]]:
    """Stretches of both sequences in order, and whether their keys are equal."""
    matcher = SequenceMatcher(None, [*map(key, left)], [*map(key, right)], autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        yield tag == "equal", left[i:i_end], right[j:j_end]
