"""A network or a space for another task: other classes, and images of another size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from nas.blocks import Row
from nas.errors import ArchError
from nas.graph.graph import Place
from nas.space.arch import Arch, advance
from nas.space.space import Space
from nas.space.table import Position

CHANNELS = 3
"""Channels of training images; grey images are read as colour images."""


def for_task(arch: Arch, *, classes: int, side: int | None = None) -> Arch:
    """The network with `classes` outputs and, if given, on side x side images.

    A row may adapt to its new input without changing the shapes of its weights (`Row.fit`): patches
    of MobileViT shrink until they divide the map. Nothing else changes.

    Raises:
        ArchError: the input does not have three channels, the last row is no classifier, or a row
            cannot stand at that size.
    """
    if arch.input[0] != CHANNELS:
        found = f"found {arch.input[0]} in its input"
        raise ArchError(f"{arch.name}: expected {CHANNELS} channels, as in images, {found}")
    if not arch.rows[-1].classifies:
        raise ArchError(f"{arch.name}: its last row ({arch.rows[-1].op}) is no classifier")
    given = arch.input if side is None else (arch.input[0], side, side)
    place = Place(given, given[1])
    rows: list[Row] = []
    classifier = replace(arch.rows[-1], out=classes)  # type: ignore[call-arg]
    for number, row in enumerate((*arch.rows[:-1], classifier), 1):
        try:
            placed, place = advance(row.fit(place.shape), place)
        except ArchError as error:
            raise ArchError(
                f"{arch.name} on {given[1]} x {given[1]} images: row {number} ({row.op}): {error}"
            ) from None
        rows.append(placed)
    if tuple(rows) == arch.rows and given == arch.input:
        return arch
    name = f"{arch.name}-{classes}classes@{given[1]}"
    return replace(arch, name=name, input=given, rows=tuple(rows), expect={})


def space_for_task(
    space: Space, *, classes: int, side: Callable[[int], int] = lambda own: own
) -> Space:
    """The space with `classes` outputs, on images of `side` of their own side.

    Rows do not adapt to their new inputs as in `for_task`: a network in which one does not fit is
    no longer inside.

    Raises:
        ArchError: the inputs do not have three channels, or the last row is no classifier.
        SpaceError: no network is left.
    """
    table = space.table
    for shape in table.inputs:
        if shape[0] != CHANNELS:
            wanted = f"expected {CHANNELS} channels, as in images"
            raise ArchError(f"{space.name}: {wanted}, found {shape[0]} in an input")
    inputs = dict.fromkeys((CHANNELS, side(shape[1]), side(shape[1])) for shape in table.inputs)
    ends = set(_ends(table.positions))
    positions = tuple(
        replace(_with_classes(own, space.name, classes) if index in ends else own, expects=None)
        for index, own in enumerate(table.positions)
    )
    found = Space(replace(table, inputs=tuple(inputs), positions=positions, expect={}))
    return space if found.space_hash == space.space_hash else found


def _ends(positions: tuple[Position, ...]) -> Iterator[int]:
    """Indices of the positions with which a network may end: one in each branch."""
    last = positions[-1]
    yield len(positions) - 1
    for index, (own, following) in enumerate(zip(positions, positions[1:], strict=False)):
        ends_branch = not own.selects and own.branch != following.branch
        if ends_branch and own.group == last.group is not None:
            yield index


def _with_classes(position: Position, name: str, classes: int) -> Position:
    """The position with `classes` outputs of its last row."""
    options = []
    for option in position.options:
        if not option or not option[-1].classifies:
            raise ArchError(f"{name}: row {position.row} ends a network and is no classifier")
        last = replace(option[-1], out=classes)  # type: ignore[call-arg]
        options.append((*option[:-1], last))
    return replace(position, options=tuple(dict.fromkeys(options)))
