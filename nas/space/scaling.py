"""Width, depth and resolution multipliers: many networks from one table.

A table's `scale` column tells how a row follows the multipliers; `~` is the rule of its op, which
is EfficientNet's (arXiv:1905.11946): blocks scale in width and depth, other convolutions in width,
and classifiers do not scale. Widths round to multiples of 8 and never below 90 %, expansions keep
their ratio to the width they expand, and a stage of n equal blocks gets ceil(n x depth) of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

from nas.blocks import Row
from nas.blocks.base import WIDTH_FIELDS
from nas.errors import ArchError, UnknownNameError
from nas.files.csv import read_csv
from nas.graph.graph import Place
from nas.graph.widths import Ratio, Width, make_divisible
from nas.space.arch import Arch, advance, read_arch
from nas.space.table import MAX_SIDE

ROUNDING = 1e-9
"""Tolerance in the number of blocks: 5 x 1.2 is 6 in spite of binary fractions."""

VARIANT = ("name", "of", "width", "depth", "side", "params", "macs", "source")
"""Columns of a file of variants; `patch` is optional."""
PATCH = "patch"
PATCHES = re.compile("([1-9][0-9]?( [1-9][0-9]?)*)?")

Step = tuple[Row, str, Width]
"""A row, how it scales, and its input width."""


def scaled(
    arch: Arch, *, width: float = 1.0, depth: float = 1.0, side: int | None = None, name: str = ""
) -> Arch:
    """The network at other multipliers and, if given, on side x side images.

    Raises:
        ArchError: a multiplier is not positive, or the scaled rows cannot stand.
    """
    if not (0 < width < 100 and 0 < depth < 100):
        raise ArchError(f"expected multipliers from 0 to 100, found width {width}, depth {depth}")
    if side is not None and not 1 <= side <= MAX_SIDE:
        raise ArchError(f"{arch.name}: expected a side from 1 to {MAX_SIDE}, found {side}")
    given = arch.input if side is None else (arch.input[0], side, side)
    place = Place(given, given[1])
    rows: list[Row] = []
    words: list[str] = []
    for stage in _stages(arch):
        for row, word, old in _repeated(stage, depth):
            row, place = advance(_widened(row, _factor(word, width), old, place.shape[0]), place)
            rows.append(row)
            words.append(word)
    name = name or f"{arch.name}-{width:g}-{depth:g}@{given[1]}"
    return Arch(name, arch.source, given, tuple(rows), scale=tuple(words))


def read_variant(path: Path, name: str) -> Arch:
    """The variant `name` of `path`, a CSV of variants of the architectures beside it.

    Raises:
        UnknownNameError: the file has no such variant.
        DocumentError: a cell of the file, or the architecture, is malformed.
        ArchError: the scaled rows cannot stand.
    """
    variants = {line.cells["name"]: line for line in read_csv(path, VARIANT)}
    if name not in variants:
        raise UnknownNameError("variant", name, variants, str(path))
    of = variants[name]
    made = scaled(
        read_arch(path.with_name(f"{of.cells['of']}.yaml")),
        width=of.number("width"),
        depth=of.number("depth"),
        side=of.integer("side", 1, MAX_SIDE),
        name=name,
    )
    patches = of.cells.get(PATCH, "")
    if not PATCHES.fullmatch(patches):
        of.fail(PATCH, "sides from 1 to 99 with a space between them, or nothing")
    if patches:
        made = with_patches(made, tuple(map(int, patches.split())))
    expect = {key: int(of.number(key)) for key in ("params", "macs")}
    return replace(made, source=of.cells["source"], expect=expect)


def with_patches(arch: Arch, sides: tuple[int, ...]) -> Arch:
    """The network with one other patch side for each row that has patches, in order.

    Raises:
        ArchError: the numbers of sides and rows differ.
    """
    patched = [index for index, row in enumerate(arch.rows) if PATCH in row.canonical()]
    if len(patched) != len(sides):
        raise ArchError(f"{arch.name}: expected {len(patched)} patch sides, found {len(sides)}")
    rows = list(arch.rows)
    for index, side in zip(patched, sides, strict=True):
        rows[index] = replace(rows[index], patch=side)  # type: ignore[call-arg]
    return replace(arch, rows=tuple(rows))


def _stages(arch: Arch) -> Iterator[list[Step]]:
    """Runs of equal blocks of which only the first changes the shape; each other row alone."""
    stage: list[Step] = []
    words = arch.scale or ("",) * len(arch.rows)
    for row, chosen, (shape, after) in zip(arch.rows, words, pairwise(arch.shapes), strict=True):
        word = chosen or row.scale
        block = bool(stage) and word == "all" and stage[0][1] == "all" and after == shape
        if not (block and type(row) is type(stage[0][0])) and stage:
            yield stage
            stage = []
        stage.append((row, word, shape[0]))
    yield stage


def _repeated(stage: list[Step], depth: float) -> list[Step]:
    """The stage at another depth; added rows repeat its last two rows in turn."""
    n = len(stage)
    wanted = ceil(n * depth - ROUNDING) if stage[0][1] == "all" else n
    kept = stage[:wanted]
    for index in range(n, wanted):
        row, word, old = kept[max(index - 2, 0)]
        stride = {"s": 1} if "s" in row.canonical() else {}
        kept.append((replace(row, **stride), word, old))
    return kept


def _factor(word: str, width: float) -> float:
    return {"all": width, "width": width, "grow": max(width, 1.0), "none": 1.0}[word]


def _widened(row: Row, factor: float, old: Width, new: Width) -> Row:
    """The row with `factor` times its widths, for `new` input channels instead of `old`."""
    widths = {f.name: getattr(row, f.name) for f in fields(row) if f.name in WIDTH_FIELDS}
    made: dict[str, Any] = {
        name: value if factor == 1 else make_divisible(value * factor)
        for name, value in widths.items()
        if name in ("out", "dim")
    }
    for name in widths.keys() - made.keys():
        of = row.relative_to.get(name)
        before, after = (widths[of], made[of]) if of else (old, new)
        made[name] = widths[name] if before == after else Ratio(widths[name] / before).of(after)
    return replace(row, **made)
