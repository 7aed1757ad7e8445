"""A search space: a table with choices, its codes and its points.

A code is one option index per position (first the input, then the table's positions in order).
Seeds are points: `contains` is decidable, and `decode(encode(arch)) == arch`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from nas.blocks import Row
from nas.errors import ArchError, SpaceError
from nas.files import html, yaml
from nas.files.text import read_text
from nas.graph.graph import Place
from nas.graph.ops import Shape
from nas.space.arch import Arch, advance
from nas.space.columns import Ints
from nas.space.layered import LayeredSpace, build
from nas.space.table import Position, Table, parse_table

Code = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Space:
    """A search space read from a table."""

    table: Table

    @classmethod
    def from_yaml(cls, text: str, origin: str = "<text>") -> Space:
        """Read a space from YAML text.

        Raises:
            DocumentError: naming row and column.
        """
        return cls(parse_table(yaml.parse(text, origin), origin))

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.table.name

    def __repr__(self) -> str:
        sides = ", ".join(str(shape[-1]) for shape in self.table.inputs)
        return f"<Space {self.name}: {len(self.table.positions)} decisions, images of {sides}>"

    def _repr_html_(self) -> str:
        by_row: dict[int, list[Position]] = {}
        for position in self.table.positions:
            if not position.selects:
                by_row.setdefault(position.row, []).append(position)
        rows = []
        for row, own in by_row.items():
            ops = dict.fromkeys(r.op for p in own for option in p.options for r in option)
            counts = (len(own), max(len(position.options) for position in own))
            rows.append([str(row), " or ".join(ops), *map(str, counts)])
        title = f"{self.name} ({self.table.source})"
        return html.table(("row", "op"), ("repeats", "options of each"), rows, title=title)

    @cached_property
    def layered(self) -> LayeredSpace:
        """The space as a layered graph, without costs."""
        return build(self.table)

    @cached_property
    def space_hash(self) -> str:
        """12 hex digits over everything that determines the networks inside."""
        positions = [
            [
                [[row.canonical() for row in option] for option in position.options],
                position.first,
                position.group,
                position.branch,
            ]
            for position in self.table.positions
        ]
        rules = [self.table.rules.stated] if self.table.rules.stated else []
        text = json.dumps([self.table.inputs, positions, *rules], sort_keys=True, default=str)
        return sha256(text.encode()).hexdigest()[:12]

    def size(self) -> int:
        """Number of valid codes (`LayeredSpace.count` tells which networks have two)."""
        return self.layered.count()

    def sample(self, rng: np.random.Generator) -> Arch:
        """A random point."""
        return self.decode(self.layered.sample(1, rng)[0])

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """A random point near `arch`; always inside the space.

        Raises:
            SpaceError: `arch` is not inside.
        """
        return self.decode(self.layered.mutate(np.array([self.encode(arch)]), rng)[0])

    def contains(self, arch: Arch) -> bool:
        """Whether some code decodes to `arch`."""
        return _Search(self.table, arch).code() is not None and not self._broken_by(arch)

    def encode(self, arch: Arch) -> Code:
        """The first code that decodes to `arch`.

        Raises:
            SpaceError: `arch` is not inside; names the first row that no option matches, or the
                stage that breaks a rule.
        """
        search = _Search(self.table, arch)
        code = search.code()
        if code is None:
            raise SpaceError(f"{arch.name} is not a point of {self.name}: {search.why_not()}")
        if broken := self._broken_by(arch):
            raise SpaceError(f"{arch.name} is not a point of {self.name}: its {broken}")
        return code

    def _broken_by(self, arch: Arch) -> str:
        """The rule that a network breaks, or ""."""
        rules = self.table.rules
        return rules.broken_by(arch.rows, arch.shapes) if rules.stated else ""

    def decode(self, code: Ints | Code) -> Arch:
        """The architecture of a code, named after its id.

        Raises:
            SpaceError: the code is no point of this space.
        """
        choices = [int(gene) for gene in code]
        positions = self.table.positions
        if len(choices) != len(positions) + 1:
            raise SpaceError(
                f"a code of {self.name} has {len(positions) + 1} genes, found {len(choices)}"
            )
        limits = [len(self.table.inputs), *(len(p.options) for p in positions)]
        for index, (gene, limit) in enumerate(zip(choices, limits, strict=True)):
            if not 0 <= gene < limit:
                raise SpaceError(f"gene {index} is {gene}, expected 0 to {limit - 1}")
        shape = self.table.inputs[choices[0]]
        rows = tuple(self._rows(choices[1:], shape))
        source, known = f"a point of {self.name}", self.table.conventions
        arch = Arch("", source, shape, rows, conventions=known)
        if broken := self._broken_by(arch):
            raise SpaceError(f"no point of {self.name}: {broken}")
        return replace(arch, name=f"{self.name}-{arch.arch_id}")

    def _rows(self, genes: list[int], shape: Shape) -> list[Row]:
        place = Place(shape, shape[1])
        rows: list[Row] = []
        branch = None
        for position, gene in zip(self.table.positions, genes, strict=True):
            if position.selects:
                branch = gene
                continue
            if position.group is not None and position.branch != branch:
                continue
            for row in position.options[gene]:
                try:
                    resolved, place = advance(row, place)
                except ArchError as error:
                    raise SpaceError(
                        f"no point of {self.name}: row {position.row} ({row.op}): {error}"
                    ) from None
                rows.append(resolved)
        return rows


class _Search:
    """Depth-first search for a code of `arch` that remembers dead ends."""

    def __init__(self, table: Table, arch: Arch) -> None:
        self.table = table
        self.arch = arch
        self.furthest = 0
        self.dead: set[tuple[int, int, int | None]] = set()

    def code(self) -> Code | None:
        if self.arch.input not in self.table.inputs:
            return None
        found = self._from(0, 0, Place(self.arch.input, self.arch.input[1]), None)
        return None if found is None else (self.table.inputs.index(self.arch.input), *found)

    def why_not(self) -> str:
        """Why `code` found none."""
        if self.arch.input not in self.table.inputs:
            return f"its input {self.arch.input} is none of {list(self.table.inputs)}"
        if self.furthest == len(self.arch.rows):
            return "it ends before the space does"
        row = self.arch.rows[self.furthest]
        return f"no option matches its row {self.furthest + 1}: {row.canonical()}"

    def _from(self, p: int, done: int, place: Place, branch: int | None) -> Code | None:
        """A code for positions p.. that yields the rows from `done` on."""
        self.furthest = max(self.furthest, done)
        if p == len(self.table.positions):
            return () if done == len(self.arch.rows) else None
        if (p, done, branch) in self.dead:
            return None
        position = self.table.positions[p]
        for gene, option in enumerate(position.options):
            if position.selects:
                rest = self._from(p + 1, done, place, gene)
            elif position.group is not None and position.branch != branch:
                rest = self._from(p + 1, done, place, branch) if gene == 0 else None
            else:
                after = self._match(option, done, place)
                rest = after and self._from(p + 1, done + len(option), after, branch)
            if rest is not None:
                return (gene, *rest)
        self.dead.add((p, done, branch))
        return None

    def _match(self, option: tuple[Row, ...], done: int, place: Place) -> Place | None:
        """Place of the next row if the option resolves to the next rows of the architecture."""
        wanted = self.arch.rows[done : done + len(option)]
        if len(wanted) < len(option):
            return None
        for row, want in zip(option, wanted, strict=True):
            if row.op != want.op or row.resolve(place.shape[0]) != want:
                return None
            place = advance(row, place)[1]
        return place


def read_space(path: Path) -> Space:
    """Read a space from a YAML file."""
    return _read(read_text(path), str(path))


@lru_cache(maxsize=8)
def _read(text: str, origin: str) -> Space:
    """Parse a text once, since lowering a space to layers takes up to a second."""
    return Space.from_yaml(text, origin)
