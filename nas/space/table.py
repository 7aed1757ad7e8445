"""The table: an architecture with choices, read from YAML.

    name: mobilenetv3-large
    source: "arXiv:1905.02244, table 1"       # required
    input: [3, 224, 224]                      # C, H, W; a list of such lists is a choice
    columns: [in, op, k, exp, out, se, act, s, n]
    rows:
      - [224x3,  conv,  3, ~,  16, ~, hswish, 2, 1]
      - [112x16, bneck, 3, 16, 16, ~, relu,   1, 1]

A scalar is fixed, a list is a choice; `~` is the op's default. `n` repeats a row: stride on the
first, the others keep the width. `repeat: independent` lets every repeat choose on its own, and
a choice of `n` lets the last ones be left out. `either:` holds rows of which one stands at each
repeat; `any:` holds alternative groups of rows. A column that an op does not have is without
effect. A table flattens to *positions*, each with its options; an option is the (possibly empty)
run of rows it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from itertools import product
from math import inf, prod
from pathlib import Path
from typing import Any, Literal

from nas.blocks import BLOCKS, FIELDS, Row
from nas.errors import ArchError, DocumentError, UnknownNameError, brief
from nas.files import yaml
from nas.files.records import between, read_record, text
from nas.graph.conventions import Conventions
from nas.graph.ops import Shape
from nas.graph.widths import Ratio
from nas.space.rules import Rules, in_stage

MAX_OPTIONS = 20_000
MAX_REPEATS = 64
MAX_ROWS = 512
"""Most rows of the deepest network of a table, repeats included."""
MAX_SIDE = 4096
REPEATS = ("shared", "independent")
SCALES = ("all", "width", "grow", "none")
COLUMNS = ("in", "op", *FIELDS, "n", "repeat", "scale")
SIZES = re.compile("[0-9]{1,9}(x[0-9]{1,9}){0,2}")
"""Pattern of a shape in the `in` column."""


@dataclass(frozen=True, slots=True)
class _Figures:
    """Figures of an architecture that can be recomputed."""

    params: int = between(None, high=inf)
    macs: int = between(None, high=inf)
    fused_params: int = between(None, high=inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDocument:
    """Keys of an architecture or a space."""

    name: str = text(line=True)
    """one line of text; shipped networks and spaces are named after their file"""
    source: str = text(line=True)
    """where the table is printed, one line of text"""
    input: Any
    """[C, H, W] of the images, each at most 4096; a list of such lists is a choice"""
    columns: Any
    """header of the rows; op must be among them"""
    rows: Any
    """one list of cells for each row; in a space also `either:` and `any:` groups"""
    conventions: Conventions | None = None
    """epsilon and padding of trained weights, of an architecture"""
    rules: Rules | None = None
    """rules on the stages of each network of a space"""
    expect: _Figures | None = None
    """figures of an architecture that can be recomputed"""
    notes: Any = None
    """free text"""
    schema: Literal[1] = 1
    """version of this format: 1"""


Option = tuple[Row, ...]
"""Rows of an option, with widths still relative; () leaves the position out."""


@dataclass(frozen=True, slots=True)
class Position:
    """One decision. A selector only chooses the branch, so its options are empty."""

    options: tuple[Option, ...]
    row: int
    """Number of the table row, from 1."""
    first: bool = True
    """Whether it is the first repeat of its row."""
    expects: Shape | None = None
    """Input shape (C, H, W) that the `in` column states."""
    group: int | None = None
    """Index of its `any:` group."""
    branch: int | None = None
    """Its alternative in that group; None for the selector."""
    scale: str = ""
    """How it follows multipliers (`nas.space.scaling`), one of SCALES; empty is its op's rule."""

    @property
    def selects(self) -> bool:
        """Whether it chooses the branch of an `any:` group; it then has no rows."""
        return self.group is not None and self.branch is None

    @property
    def in_stage(self) -> bool:
        """Whether an option has a row of a stage."""
        return any(in_stage(row) for option in self.options for row in option)


@dataclass(frozen=True, slots=True)
class Table:
    """A parsed and checked table."""

    name: str
    source: str
    inputs: tuple[Shape, ...]
    positions: tuple[Position, ...]
    expect: Mapping[str, int] = field(default_factory=dict)
    origin: str = ""
    conventions: Conventions | None = None
    """Conventions of its networks' weights, if known."""
    rules: Rules = Rules()
    """What holds between the stages of its networks."""

    @property
    def fixed(self) -> bool:
        """Whether it has one point, an architecture."""
        return len(self.inputs) == 1 and all(
            len(position.options) == 1 and not position.selects for position in self.positions
        )


def read_table(path: Path) -> Table:
    """Read a table from a YAML file.

    Raises:
        DocumentError: naming file, row, column, what was found and what was expected.
    """
    return parse_table(yaml.read(path), str(path))


def parse_table(content: dict[str, Any], origin: str) -> Table:
    """Check a document and flatten it to positions; `origin` names it in errors.

    Raises:
        DocumentError: naming row, column, what was found and what was expected.
    """
    found = read_record(TableDocument, content, origin)
    parser = _Parser(origin, _columns(found.columns, origin))
    positions = tuple(parser.positions(found.rows))
    if sum(max(map(len, position.options)) for position in positions) > MAX_ROWS:
        raise DocumentError(f"{origin} (rows): expected at most {MAX_ROWS}, repeats counted")
    inputs = _inputs(found.input, origin)
    expect = content.get("expect") or {}
    rules = _rules(found.rules, positions, origin)
    table = Table(
        found.name, found.source, inputs, positions, expect, origin, found.conventions, rules
    )
    if "rules" in content and table.fixed:
        raise DocumentError(f"{origin} (rules): only a search space has rules; no cell is a choice")
    return table


def _columns(cell: Any, origin: str) -> list[str]:
    if not isinstance(cell, list) or "op" not in cell:
        raise DocumentError(f"{origin} (columns): expected a list of names with 'op' among them")
    for name in cell:
        if name not in COLUMNS:
            raise DocumentError(str(UnknownNameError("column", name, COLUMNS, origin)))
    if len(set(cell)) != len(cell):
        raise DocumentError(f"{origin} (columns): a name is repeated: {cell}")
    return cell


def _rules(found: Rules | None, positions: tuple[Position, ...], origin: str) -> Rules:
    rules = found or Rules()
    if rules.stated and not any(position.in_stage for position in positions):
        where = f"{origin} (rules.{next(iter(rules.stated))})"
        raise DocumentError(f"{where}: expected rows of blocks, found only rows of stem and head")
    return rules


def _inputs(cell: Any, origin: str) -> tuple[Shape, ...]:
    shapes = cell if isinstance(cell, list) and cell and isinstance(cell[0], list) else [cell]
    for shape in shapes:
        good = isinstance(shape, list) and len(shape) == 3
        if not good or not all(type(v) is int and 1 <= v <= MAX_SIDE for v in shape):
            raise DocumentError(
                f"{origin} (input): expected [C, H, W] of whole numbers from 1 to {MAX_SIDE},"
                f" found {brief(shape)}"
            )
    return tuple(map(tuple, shapes))


class _Parser:
    """Turns rows of cells into positions, and counts rows for error messages."""

    def __init__(self, origin: str, columns: list[str]) -> None:
        self.origin = origin
        self.columns = columns
        self.row = 0
        self.groups = 0

    def positions(self, rows: Any) -> Iterator[Position]:
        if not isinstance(rows, list) or not rows:
            raise DocumentError(f"{self.origin} (rows): expected rows, found {brief(rows)}")
        for entry in rows:
            if isinstance(entry, dict) and "any" in entry:
                yield from self._any(entry)
            else:
                yield from self._entry(entry)

    def _any(self, entry: dict[str, Any]) -> Iterator[Position]:
        where = f"{self.origin} after row {self.row}"
        yaml.check_keys(entry, where, required={"any"})
        alternatives = entry["any"]
        if not (isinstance(alternatives, list) and alternatives) or not all(
            isinstance(a, list) and a and not isinstance(a[0], str) for a in alternatives
        ):
            raise DocumentError(f"{where} (any): expected a list of groups, each a list of rows")
        group = self.groups
        self.groups += 1
        yield Position(((),) * len(alternatives), self.row + 1, group=group)
        for branch, entries in enumerate(alternatives):
            for inner in entries:
                for position in self._entry(inner):
                    yield replace(position, group=group, branch=branch)

    def _entry(self, entry: Any) -> list[Position]:
        """One row, or the union of the rows of an `either:` at the same positions."""
        if not isinstance(entry, dict):
            return list(self._row(entry))
        where = f"{self.origin} after row {self.row}"
        yaml.check_keys(entry, where, required={"either"})
        rows = entry["either"]
        if not isinstance(rows, list) or not rows:
            raise DocumentError(f"{where} (either): expected a list of rows, found {brief(rows)}")
        merged, *others = (list(self._row(row)) for row in rows)
        for other in others:
            if len(other) != len(merged):
                self._fail("n", f"{len(other)} repeats", f"{len(merged)} as in the rows beside it")
            merged = [_union(a, b) for a, b in zip(merged, other, strict=True)]
        shared = {position.options: position.options for position in merged}
        return [replace(position, options=shared[position.options]) for position in merged]

    def _row(self, entry: Any) -> Iterator[Position]:
        self.row += 1
        if not isinstance(entry, list) or len(entry) != len(self.columns):
            found = f"{len(entry)} cells" if isinstance(entry, list) else brief(entry)
            raise DocumentError(
                f"{self.origin} row {self.row}: expected {len(self.columns)} cells"
                f" ({', '.join(self.columns)}), found {found}"
            )
        cells = dict(zip(self.columns, entry, strict=True))
        counts = self._counts(cells.get("n", 1))
        repeat = self._word("repeat", cells, REPEATS) or "shared"
        scale = self._word("scale", cells, SCALES)
        expects = self._expects(cells.get("in"))
        ops = self._ops(cells["op"])
        for column in self.columns:
            if column in FIELDS:
                self._values(column, cells)  # also where the op does not read it
        rows = [row for op in ops for row in self._choices(op, cells)]
        self._check_options(len(rows) * (len(counts) if repeat == "shared" else 1))
        if repeat == "shared":
            options = tuple(_repeated(row, n) for n in counts for row in rows)
            yield Position(tuple(dict.fromkeys(options)), self.row, expects=expects, scale=scale)
            return
        # repeats share one tuple, so that equal positions are recognised by identity
        kept = tuple(dict.fromkeys((_keeping(row),) for row in rows))
        chosen = {
            (first, skips): (tuple((row,) for row in rows) if first else kept) + ((),) * skips
            for first in (True, False)
            for skips in (True, False)
        }
        for index in range(max(counts)):
            first = index == 0
            options = chosen[first, index >= min(counts)]
            expects = expects if first else None
            yield Position(options, self.row, first=first, expects=expects, scale=scale)

    def _choices(self, op: str, cells: dict[str, Any]) -> Iterator[Row]:
        """Every distinct row of this op: the product of its columns' choices."""
        block = BLOCKS[op]
        choices: list[list[tuple[str, Any]]] = []
        for column in fields(block):
            values = self._values(column.name, cells)
            if None in values and column.default is MISSING:
                self._fail(column.name, "nothing", f"a value: {op} has no default for it")
            choices.append([(column.name, value) for value in values])
        self._check_options(prod(map(len, choices)))
        seen = set()
        for combination in product(*choices):
            row = block(**{name: value for name, value in combination if value is not None})
            if row not in seen:
                seen.add(row)
                yield row

    def _check_options(self, found: int) -> None:
        if found > MAX_OPTIONS:
            self._fail("all", f"{found} combinations", f"at most {MAX_OPTIONS}; split the row")

    def _values(self, column: str, cells: dict[str, Any]) -> list[Any]:
        cell = cells.get(column)
        values = []
        for value in cell if isinstance(cell, list) else [cell]:
            try:
                values.append(None if value is None else FIELDS[column].parse(value))
            except ArchError as error:
                self._fail(column, brief(value), str(error).removeprefix("expected "))
        if not values:
            self._fail(column, "an empty list", "a value or a list of choices")
        return values

    def _ops(self, cell: Any) -> list[str]:
        ops = cell if isinstance(cell, list) and cell else [cell]
        for op in ops:
            if not isinstance(op, str) or op not in BLOCKS:
                where = f"{self.origin} row {self.row} (op)"
                hint = "; one of your own needs --blocks FILE.py" if isinstance(op, str) else ""
                raise DocumentError(f"{UnknownNameError('op', op, BLOCKS, where)}{hint}")
        return ops

    def _counts(self, cell: Any) -> list[int]:
        counts = cell if isinstance(cell, list) else [1 if cell is None else cell]
        if not counts or not all(type(n) is int and 0 <= n <= MAX_REPEATS for n in counts):
            self._fail("n", brief(cell), f"whole numbers from 0 to {MAX_REPEATS}")
        if sorted(counts) != list(range(min(counts), max(counts) + 1)) or not max(counts):
            self._fail("n", brief(cell), "consecutive numbers, not 0 alone")
        return counts

    def _word(self, column: str, cells: dict[str, Any], words: tuple[str, ...]) -> str:
        cell = cells.get(column)
        if cell not in (None, *words):
            self._fail(column, brief(cell), " or ".join(words))
        return cell or ""

    def _expects(self, cell: Any) -> Shape | None:
        if cell is None:
            return None
        if not isinstance(cell, int | str) or not SIZES.fullmatch(str(cell)):
            self._fail("in", brief(cell), "'56x24' (side x channels), '56x48x24' or '1280'")
        *sides, c = (int(size) for size in str(cell).split("x"))
        return (c, *(sides * 2 if len(sides) == 1 else sides))

    def _fail(self, column: str, found: str, expected: str) -> None:
        raise DocumentError(
            f"{self.origin} row {self.row} ({column}): found {found}, expected {expected}"
        )


def _union(a: Position, b: Position) -> Position:
    """Options of both positions; the empty option stays last."""
    options = dict.fromkeys((*a.options, *b.options))
    skips = ((),) if () in options else ()
    return replace(a, options=tuple(o for o in options if o) + skips)


def _repeated(row: Row, n: int) -> Option:
    """The row n times: only the first has its stride, and the others keep the width."""
    return (row, *(_keeping(row),) * (n - 1))[:n]


def _keeping(row: Row) -> Row:
    """The row as a further repeat: stride 1, width kept."""
    names = row.canonical()
    return replace(row, **{k: v for k, v in {"s": 1, "out": Ratio(1)}.items() if k in names})
