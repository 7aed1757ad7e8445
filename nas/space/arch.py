"""An architecture: resolved rows on an input shape, identified by its computation.

`arch_id` is the first 12 hex digits of sha256 over canonical JSON of the input and the resolved
rows, so names, comments, sources and columns without effect never change it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.blocks import FIELDS, Row
from nas.blocks.base import MAX_WIDTH
from nas.errors import ArchError, DocumentError
from nas.files import html, yaml
from nas.files.text import read_text
from nas.graph.conventions import Conventions
from nas.graph.cost import macs, params, row_costs
from nas.graph.fuse import fuse
from nas.graph.graph import Graph, GraphBuilder, Kept, Place, Value, kept_channels, outside
from nas.graph.ops import Shape
from nas.space.family import family_of
from nas.space.table import Position, Table, parse_table
from nas.system.extras import require

if TYPE_CHECKING:
    from pandas import DataFrame

SUMMED = ("params", "macs", "predicted_ms")
"""Columns of a table whose sum is shown."""


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
    """How each row follows multipliers (`nas.space.scaling`); by default its op's rule."""
    conventions: Conventions | None = None
    """Conventions of its weights; None if unknown, which means PyTorch's."""

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
    def _lowered(self) -> tuple[Graph, tuple[Place, ...]]:
        return lower(self.rows, self.input, self.name)

    @cached_property
    def graph(self) -> Graph:
        """Primitive ops of the network as trained."""
        graph = self._lowered[0]
        return graph if self.conventions is None else self.conventions.applied(graph)

    @property
    def places(self) -> tuple[Place, ...]:
        """What each row depends on, and what a further row would."""
        return self._lowered[1]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Shape that reaches each row, and the shape of the output."""
        return tuple(place.shape for place in self.places)

    @property
    def family(self) -> str:
        """Family that the name tells, as `mobilenet` (`nas.space.family`)."""
        return family_of(self.name)

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
        """The table of `to_frame` as HTML, with sums in the last row."""
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
        """Cells of each row by column, with the row's costs."""
        header, *lines = _cells(self)
        costs = row_costs(self.graph, len(lines))
        rows: list[dict[str, Any]] = [
            dict(zip(header, line, strict=True)) | cost
            for line, cost in zip(lines, costs, strict=True)
        ]
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


def lower(
    rows: Iterable[Row], shape: Shape, name: str = "network"
) -> tuple[Graph, tuple[Place, ...]]:
    """Graph of resolved rows on an input of `shape`, and what each row and a further one sees.

    Raises:
        ArchError: a row cannot follow the rows above; the message names it.
    """
    g = GraphBuilder(shape)
    x, kept = g.input, Kept()
    places = [Place(shape, g.resolution)]
    for index, row in enumerate(rows):
        g.row = index
        try:
            x, kept = lower_row(g, row, x, kept)
        except ArchError as error:
            raise ArchError(f"{name} row {index + 1} ({row.op}): {error}") from None
        places.append(Place(x.shape, g.resolution, kept_channels(kept)))
    return g.graph(), tuple(places)


def lower_alone(rows: Iterable[Row], place: Place) -> tuple[Graph, Place]:
    """Graph of consecutive rows of a network, resolved on the way, and what the next row sees.

    Raises:
        ArchError: a row cannot stand there.
    """
    g = GraphBuilder(place.shape, place.resolution)
    x, kept = g.input, outside(place.kept)
    for g.row, row in enumerate(rows):
        x, kept = lower_row(g, row.resolve(x.c), x, kept)
    return g.graph(x, kept), Place(x.shape, place.resolution, kept_channels(kept))


def lower_row(g: GraphBuilder, row: Row, x: Value, kept: Kept = ()) -> tuple[Value, Kept]:
    """Append one row in its own scope; check its input and the size of its output.

    `kept` are values that rows above keep; those that stay kept are returned with the output.

    Raises:
        ArchError: the row cannot read `x` or `kept`, or its output is too small or large.
    """
    vector = len(x.shape) == 1
    if vector and not row.reads_vector:
        raise ArchError(f"{row.op} needs a map, found a vector of {x.c}")
    if row.reads_vector and not vector:
        where = f"found shape {x.shape}; put 'pool' before it"
        raise ArchError(f"{row.op} needs a pooled vector, {where}")
    with g.scope(f"row{g.row + 1}_{row.op}"):
        h, kept = row.lower_kept(g, x, kept)
    if any(size < 1 for size in h.shape):
        raise ArchError(f"the feature map shrank to zero: {h.shape}")
    if any(size > MAX_WIDTH for size in h.shape):
        raise ArchError(f"expected sizes up to {MAX_WIDTH}, found {h.shape}")
    if (channels := kept_channels(kept)) > MAX_WIDTH:
        raise ArchError(f"expected at most {MAX_WIDTH} kept channels, found {channels}")
    return h, kept


@lru_cache(maxsize=200_000)
def advance(row: Row, place: Place) -> tuple[Row, Place]:
    """The row with absolute widths for its place, and what the next row sees.

    Raises:
        ArchError: the row cannot stand there.
    """
    resolved = row.resolve(place.shape[0])
    return resolved, lower_alone([resolved], place)[1]


def check_in(table: Table, position: Position, shape: Shape) -> None:
    """Check that a row's `in` column agrees with the shape that reaches it.

    Raises:
        DocumentError: it does not; the message names the row and both shapes.
    """
    if position.expects is not None and position.expects != shape:
        raise DocumentError(
            f"{table.origin} row {position.row} (in): the table says"
            f" {show_shape(position.expects)}, the rows above yield {show_shape(shape)};"
            " correct 'in' here or 'out' or 's' above"
        )


def show_shape(shape: Shape) -> str:
    """A shape as a table writes it: (24, 56, 56) as 56x24, channels last."""
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
        raise DocumentError(
            f"{table.origin} (input): expected one shape; only a search space has choices"
        )
    shape = table.inputs[0]
    place = Place(shape, shape[1])
    rows: list[Row] = []
    scale: list[str] = []
    for position in table.positions:
        if position.selects or len(position.options) != 1:
            raise DocumentError(
                f"{table.origin} row {position.row}: expected one value in every cell;"
                " only a search space has choices"
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
        table.name, table.source, shape, tuple(rows), table.expect, words, table.conventions
    )


def read_arch(path: Path) -> Arch:
    """Read an architecture from a YAML file; raises as `Arch.from_yaml`."""
    return _read(read_text(path), str(path))


@lru_cache(maxsize=256)
def _read(text: str, origin: str) -> Arch:
    """Parse a text once, since each search compares its space with every shipped network."""
    return Arch.from_yaml(text, origin)


def _cells(arch: Arch) -> list[list[Any]]:
    """Header and rows of the canonical table; None for a column that an op lacks."""
    named = [row.canonical() for row in arch.rows]
    used = [column for column in FIELDS if any(column in row for row in named)]
    header = ["in", "op", *used, *(["scale"] if arch.scale else [])]
    lines: list[list[Any]] = [header]
    words = [[word or None] for word in arch.scale] or [[]] * len(arch.rows)
    for row, values, shape, word in zip(arch.rows, named, arch.shapes, words, strict=False):
        cells = [values.get(column) for column in used]
        lines.append([show_shape(shape), row.op, *cells, *word])
    return lines


def _format(arch: Arch) -> str:
    lines = [["~" if value is None else str(value) for value in line] for line in _cells(arch)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    rows = [", ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
    stated = ""
    if arch.conventions is not None:
        cells = ", ".join(f"{key}: {value}" for key, value in asdict(arch.conventions).items())
        stated = f"conventions: {{{cells}}}\n"
    return (
        f"name: {json.dumps(arch.name, ensure_ascii=False)}\n"
        f"source: {json.dumps(arch.source, ensure_ascii=False)}\n"
        f"input: {list(arch.input)}\n"
        f"{stated}"
        f"columns: [{rows[0]}]\nrows:\n"
        + "".join(f"  -      [{row}]\n" for row in rows[1:])
        + f"expect: {{params: {arch.params}, macs: {arch.macs}}}\n"
    )


def _shown(head: str, value: Any) -> str | None:
    """A cell in a notebook."""
    if head == "predicted_ms":
        return f"{value:.3f}"
    return f"{value:,}" if head in SUMMED else None if value is None else str(value)
