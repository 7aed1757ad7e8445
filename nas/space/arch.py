"""An architecture: resolved rows on an input shape, identified by what it computes.

`arch_id` is the first 12 hex digits of sha256 over canonical JSON of the input and the resolved
rows, so names, comments, sources and columns without effect never change it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.blocks import FIELDS, Row
from nas.blocks.base import MAX_WIDTH
from nas.errors import ArchError, DocumentError
from nas.files import html, yaml
from nas.graph.conventions import Conventions, as_document
from nas.graph.cost import macs, params
from nas.graph.fuse import fuse
from nas.graph.graph import Graph, GraphBuilder, Place, Value
from nas.graph.ops import Shape, op_macs, op_params
from nas.space.table import Position, Table, parse_table, read_table
from nas.system.extras import require

if TYPE_CHECKING:
    from pandas import DataFrame

SUMMED = ("params", "macs", "predicted_ms")
"""Columns of a table with its costs that add up."""


@dataclass(frozen=True, eq=False)
class Arch:
    """A network as a tuple of resolved rows. Two are equal when they compute the same."""

    name: str
    source: str
    input: Shape
    """(C, H, W)"""
    rows: tuple[Row, ...]
    expect: Mapping[str, int] = field(default_factory=dict)
    """Published `params`, `macs`, `fused_params`, recomputed by tests."""
    scale: tuple[str, ...] = ()
    """How each row follows multipliers (`nas.space.scaling`); empty is its op's rule."""
    conventions: Conventions | None = None
    """What its weights count on; None: not known, as PyTorch has it."""

    @classmethod
    def from_yaml(cls, text: str, origin: str = "<text>") -> Arch:
        """Read an architecture: a table without choices.

        Raises:
            DocumentError, ArchError: naming row and column.
        """
        return arch_of(parse_table(yaml.parse(text, origin), origin))

    def to_yaml(self, path: str | Path | None = None) -> str:
        """The canonical table, one line per block; also written to `path` if given."""
        text = _format(self)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @cached_property
    def graph(self) -> Graph:
        """Primitive ops of the network as trained."""
        graph = lower(self.rows, self.input, self.name)
        return graph if self.conventions is None else self.conventions.applied(graph)

    @cached_property
    def fused(self) -> Graph:
        """Primitive ops as deployed: norms folded, branches merged."""
        return fuse(self.graph)

    @cached_property
    def params(self) -> int:
        """Trainable parameters."""
        return int(params(self.graph))

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of one image."""
        return int(macs(self.graph))

    @cached_property
    def arch_id(self) -> str:
        """12 hex digits that identify the computation."""
        content = {"input": self.input, "rows": [row.canonical() for row in self.rows]}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()[:12]

    def to_frame(self, row_ms: Sequence[float] = ()) -> DataFrame:
        """The table with params and MACs of every row, and milliseconds if they are given."""
        return require("notebook").DataFrame(self._counted(row_ms)).convert_dtypes()

    def to_html(self, row_ms: Sequence[float] = (), *, title: str = "") -> str:
        """The same as HTML, with the sums in the last row."""
        rows = self._counted(row_ms)
        heads = [head for head in rows[0] if head != "scale"]
        sums = {"in": "", "op": "total"} | {
            head: sum(row[head] for row in rows) if head in SUMMED else "" for head in heads[2:]
        }
        lines = [[_shown(head, row[head]) for head in heads] for row in [*rows, sums]]
        title = title or f"{self.name} ({self.source})"
        names = [head.replace("_", " ") for head in heads]
        return html.table(names[:2], names[2:], lines, title=title)

    def _counted(self, row_ms: Sequence[float]) -> list[dict[str, Any]]:
        """The table's cells by column, with what each row costs."""
        header, *lines = _cells(self)
        rows = [dict(zip(header, line, strict=True)) for line in lines]
        for row in rows:
            row |= {"params": 0, "macs": 0}
        for op in self.graph.ops[1:]:
            rows[op.row]["params"] += int(op_params(op))
            rows[op.row]["macs"] += int(op_macs(op))
        for row, ms in zip(rows, row_ms, strict=False):
            row["predicted_ms"] = ms
        return rows

    def __repr__(self) -> str:
        size = show_shape(self.input)
        return f"<Arch {self.name}: {len(self.rows)} rows on {size}, arch_id {self.arch_id}>"

    def _repr_html_(self) -> str:
        return self.to_html()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arch) and (self.input, self.rows) == (other.input, other.rows)

    def __hash__(self) -> int:
        return hash(self.arch_id)


def lower(rows: Iterable[Row], shape: Shape, name: str = "network") -> Graph:
    """The graph of resolved rows on an input of `shape`.

    Raises:
        ArchError: a row cannot stand where it is; naming it.
    """
    g = GraphBuilder(shape)
    x = g.input
    for index, row in enumerate(rows):
        g.row = index
        try:
            x = lower_row(g, row, x)
        except ArchError as error:
            raise ArchError(f"{name} row {index + 1} ({row.op}): {error}") from None
    return g.graph()


def lower_row(g: GraphBuilder, row: Row, x: Value) -> Value:
    """Append one row under its own scope, and check its input, and its output's size."""
    vector = len(x.shape) == 1
    if vector and not row.reads_vector:
        raise ArchError(f"{row.op} needs a map, found a vector of {x.c}")
    if row.reads_vector and not vector:
        where = f"found shape {x.shape}; put 'pool' before it"
        raise ArchError(f"{row.op} needs a pooled vector, {where}")
    with g.scope(f"row{g.row + 1}_{row.op}"):
        h = row.lower(g, x)
    if any(size < 1 for size in h.shape):
        raise ArchError(f"nothing is left of the map: {h.shape}")
    if any(size > MAX_WIDTH for size in h.shape):
        raise ArchError(f"wider than {MAX_WIDTH}: {h.shape}")
    kept = g.place(h).kept
    if kept is not None and kept > MAX_WIDTH:
        raise ArchError(f"more than {MAX_WIDTH} channels are kept: {kept}")
    return h


@lru_cache(maxsize=200_000)
def advance(row: Row, place: Place) -> tuple[Row, Place]:
    """Resolve one row where it stands: the row with absolute widths, and what the next one sees.

    Raises:
        ArchError: the row cannot stand there.
    """
    resolved = row.resolve(place.shape[0])
    g = GraphBuilder(*place)
    return resolved, g.place(lower_row(g, resolved, g.input))


def step(row: Row, shape: Shape, resolution: int) -> tuple[Row, Shape]:
    """`advance` by shapes alone, where it is not known what rows above have kept."""
    resolved, after = advance(row, Place(shape, resolution, None))
    return resolved, after.shape


def check_in(table: Table, position: Position, shape: Shape) -> None:
    """Refuse a row whose `in` column disagrees with the shape that reaches it.

    Raises:
        DocumentError: naming the row and both shapes.
    """
    if position.expects is not None and position.expects != shape:
        raise DocumentError(
            f"{table.origin} row {position.row} (in): the table says"
            f" {show_shape(position.expects)}, the rows above yield {show_shape(shape)};"
            " correct 'in' here or 'out' or 's' above"
        )


def show_shape(shape: Shape) -> str:
    """(24, 56, 56) as the table's 56x24; other ranks likewise, channels last."""
    c, *sides = shape
    if len(sides) == 2 and sides[0] == sides[1]:
        sides = sides[:1]
    return "x".join(str(size) for size in (*sides, c))


def arch_of(table: Table) -> Arch:
    """The one architecture of a table without choices.

    Raises:
        DocumentError: the table has choices, or an `in` column that is wrong.
        ArchError: a row cannot stand where it is.
    """
    if len(table.inputs) > 1:
        raise DocumentError(f"{table.origin} (input): expected one shape; a choice makes a space")
    shape = table.inputs[0]
    place = Place(shape, shape[1])
    rows: list[Row] = []
    scale: list[str] = []
    for position in table.positions:
        if position.selects or len(position.options) != 1:
            raise DocumentError(
                f"{table.origin} row {position.row}: expected one value in every cell; "
                "a choice makes a search space"
            )
        check_in(table, position, place.shape)
        for row in position.options[0]:
            try:
                resolved, place = advance(row, place)
            except ArchError as error:
                raise ArchError(f"{table.origin} row {position.row} ({row.op}): {error}") from None
            rows.append(resolved)
            scale.append(position.scale)
    words = tuple(scale) if any(scale) else ()
    return Arch(
        table.name,
        table.source,
        shape,
        tuple(rows),
        table.expect,
        words,
        table.conventions,
    )


def read_arch(path: Path) -> Arch:
    """Read an architecture from a YAML file; raises as `Arch.from_yaml`."""
    return arch_of(read_table(path))


def _cells(arch: Arch) -> list[list[Any]]:
    """The canonical table: its header, then its rows; None where an op has no such column."""
    named = [row.canonical() for row in arch.rows]
    used = [column for column in FIELDS if any(column in row for row in named)]
    header = ["in", "op", *used, *(["scale"] if arch.scale else [])]
    shape = arch.input
    lines: list[list[Any]] = [header]
    words = [[word or None] for word in arch.scale] or [[]] * len(arch.rows)
    for row, values, word in zip(arch.rows, named, words, strict=True):
        cells = [values.get(column) for column in used]
        lines.append([show_shape(shape), row.op, *cells, *word])
        shape = step(row, shape, arch.input[1])[1]
    return lines


def _format(arch: Arch) -> str:
    lines = [[_cell(value) for value in line] for line in _cells(arch)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    rows = [", ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
    return (
        f"name: {json.dumps(arch.name, ensure_ascii=False)}\n"
        f"source: {json.dumps(arch.source, ensure_ascii=False)}\n"
        f"input: {list(arch.input)}\n"
        f"{_stated(arch.conventions)}"
        f"columns: [{rows[0]}]\nrows:\n"
        + "".join(f"  -      [{row}]\n" for row in rows[1:])
        + f"expect: {{params: {arch.params}, macs: {arch.macs}}}\n"
    )


def _stated(conventions: Conventions | None) -> str:
    if conventions is None:
        return ""
    cells = ", ".join(f"{key}: {value}" for key, value in as_document(conventions).items())
    return f"conventions: {{{cells}}}\n"


def _cell(value: Any) -> str:
    return "~" if value is None else str(value)


def _shown(head: str, value: Any) -> str | None:
    """A cell in a notebook."""
    if head == "predicted_ms":
        return f"{value:.3f}"
    return f"{value:,}" if head in SUMMED else None if value is None else str(value)
