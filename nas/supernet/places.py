"""The place of each row of a network in its space, which names the weights that it shares."""

from __future__ import annotations

from collections.abc import Iterator

from nas.space.space import Code, Space
from nas.space.table import Position


def places(space: Space, code: Code) -> tuple[str, ...]:
    """For each row of the network of a code its table row, repeat and op, as `3.2 mbconv`.

    Repeats are counted without those left out, so a shallow network has the first of a deep one.
    """
    found: list[str] = []
    repeat = 0
    for position, gene in _taken(space, code[1:]):
        repeat = 0 if position.first else repeat
        for row in position.options[gene]:
            repeat += 1
            found.append(place(position, repeat, row.op))
    return tuple(found)


def place(position: Position, repeat: int, op: str) -> str:
    """Name of the place of a repeat, counted from 1."""
    return f"{position.row}.{repeat} {op}"


def repeats(space: Space) -> Iterator[tuple[int, Position, range]]:
    """Index of each position with rows, the position, and the repeats that its first may be."""
    least = most = 0
    for index, position in enumerate(space.table.positions):
        if position.selects:
            continue
        if position.first:
            least = most = 0
        yield index, position, range(least + 1, most + 2)
        lengths = [len(option) for option in position.options]
        least, most = least + min(lengths), most + max(lengths)


def _taken(space: Space, genes: Code) -> Iterator[tuple[Position, int]]:
    """Positions of the branches that a code takes, with their genes."""
    branch = None
    for position, gene in zip(space.table.positions, genes, strict=True):
        if position.selects:
            branch = gene
        elif position.group is None or position.branch == branch:
            yield position, gene
