"""A network for another task: other classes, and images of another size."""

from __future__ import annotations

from dataclasses import replace

from nas.blocks import Row
from nas.errors import ArchError
from nas.graph.graph import Place
from nas.space.arch import Arch, advance

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
