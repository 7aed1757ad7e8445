"""A network for another task: its own classes, on images of another size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from nas.blocks import Row
from nas.blocks.mobilevit import MobileViT
from nas.errors import ArchError
from nas.graph.ops import Shape
from nas.space.arch import Arch, step

CHANNELS = 3
"""Of the images that networks are trained on; grey ones are read as colours."""


def for_task(arch: Arch, *, classes: int, side: int | None = None) -> Arch:
    """The network with `classes` outputs and, if given, on side x side images.

    Patches of MobileViT that do not divide a smaller map shrink to the largest size that does; the
    weights have the same shapes. Nothing else changes, so latencies of the two differ.

    Raises:
        ArchError: the input is not of three channels, the last row is no classifier, or a row
            cannot stand at that size.
    """
    if arch.input[0] != CHANNELS:
        found = f"found {arch.input[0]} in its input"
        raise ArchError(f"{arch.name}: expected {CHANNELS} channels, as images have, {found}")
    if not _classifies(arch.rows[-1]):
        raise ArchError(f"{arch.name}: its last row ({arch.rows[-1].op}) is no classifier")
    given = shape = arch.input if side is None else (arch.input[0], side, side)
    rows: list[Row] = []
    for number, row in enumerate((*arch.rows[:-1], _with(arch.rows[-1], {"out": classes})), 1):
        try:
            placed, shape = step(_patched(row, shape), shape, given[1])
        except ArchError as error:
            raise ArchError(
                f"{arch.name} on {given[1]} x {given[1]} images: row {number} ({row.op}): {error}"
            ) from None
        rows.append(placed)
    if tuple(rows) == arch.rows and given == arch.input:
        return arch
    name = f"{arch.name}-{classes}classes@{given[1]}"
    return Arch(
        name, arch.source, given, tuple(rows), scale=arch.scale, conventions=arch.conventions
    )


def _classifies(row: Row) -> bool:
    return "linear" in row.op and any(field.name == "out" for field in fields(row))


def _patched(row: Row, shape: Shape) -> Row:
    if not isinstance(row, MobileViT):
        return row
    _, height, width = shape
    fitting = (p for p in range(row.patch, 0, -1) if height % p == width % p == 0)
    return _with(row, {"patch": next(fitting)})


def _with(row: Row, values: Mapping[str, Any]) -> Row:
    return replace(row, **values)
