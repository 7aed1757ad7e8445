"""Parts of networks: consecutive rows of points of a space, which are what is measured.

A part is an architecture of its own on the map that reaches its first row, so whatever builds,
exports and runs a network does the same with a part. Half the points are random ones; half are
near a seed, since networks that people use are smaller than most of a space.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

import numpy as np

from nas.arch import Arch, step
from nas.ops import Shape
from nas.profile.load import Load, load_of
from nas.space import Code, Space

Key = tuple[str, int, int]
"""What a journal calls a part: code, first row, row after the last."""

MUTATIONS = 4
"""Of a seed."""
LONGEST = 6
"""Rows of a part; a whole network is measured as such."""


@dataclass(frozen=True)
class Point:
    """A point of a space and what a runtime executes of it."""

    code: Code
    arch: Arch
    load: Load

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """What reaches each row, and the output."""
        shapes = [self.arch.input]
        for row in self.arch.rows:
            shapes.append(step(row, shapes[-1], self.arch.input[1])[1])
        return tuple(shapes)

    @property
    def whole(self) -> Part:
        return Part(self, 0, len(self.arch.rows))


@dataclass(frozen=True)
class Part:
    """Rows `start` to `stop` of a point."""

    point: Point
    start: int
    stop: int

    @property
    def arch(self) -> Arch:
        """The rows as a network."""
        whole, name = self.point.arch, f"rows {self.start + 1} to {self.stop}"
        rows = whole.rows[self.start : self.stop]
        return Arch(name, whole.name, self.point.shapes[self.start], rows)

    @cached_property
    def load(self) -> Load:
        """Its kernels."""
        mb = self.point.load.ends_mb[0] / prod(self.point.arch.input)
        ends = (prod(self.point.shapes[i]) * mb for i in (self.start, self.stop))
        return self.point.load.between(self.start, self.stop, (next(ends), next(ends)))

    @property
    def key(self) -> Key:
        """What a journal calls it."""
        return code_text(self.point.code), self.start, self.stop


@dataclass(frozen=True, slots=True)
class Source:
    """Where points come from, and how they are seen."""

    space: Space
    seeds: tuple[Arch, ...]
    """Architectures inside the space."""
    precision: str
    fuses: Collection[str]
    known: dict[Code, Point] = field(default_factory=dict, compare=False)
    """Points that were asked for."""

    def part(self, key: Key) -> Part:
        """What a journal calls so."""
        code, start, stop = key
        return Part(self.point(read_code(code)), start, stop)

    def point(self, code: Code) -> Point:
        """The point of a code."""
        if code not in self.known:
            self.known[code] = self._point(code)
        return self.known[code]

    def _point(self, code: Code) -> Point:
        arch = self.space.decode(code)
        arch = replace(arch, name=f"{self.space.name}-{arch.arch_id}")
        return Point(code, arch, load_of(arch.graph, self.precision, self.fuses))

    def points(self, rng: np.random.Generator) -> Iterator[Point]:
        """Without end: a random one, then one near a seed, and so on."""
        lattice = self.space.lattice
        while True:
            yield self.point(tuple(lattice.sample(1, rng)[0].tolist()))
            if self.seeds:
                seed = self.seeds[rng.integers(len(self.seeds))]
                codes = np.array([self.space.encode(seed)])
                near = lattice.mutate(codes, rng, genes=MUTATIONS)
                yield self.point(tuple(near[0].tolist()))


def seeds_of(space: Space) -> tuple[Arch, ...]:
    """Shipped architectures that are inside the space."""
    from nas import library
    from nas.folders import named

    known = (library.load_arch(name) for name in named("architecture"))
    return tuple(arch for arch in known if space.contains(arch))


def parts_of(point: Point, rng: np.random.Generator) -> Iterator[Part]:
    """One part from every row whose input is a map, of a random length; none without weights."""
    for start, shape in enumerate(point.shapes[:-1]):
        longest = min(LONGEST, len(point.arch.rows) - start)
        part = Part(point, start, start + int(rng.integers(1, longest + 1)))
        if len(shape) == 3 and part.load.weight_mb > 0:
            yield part


def code_text(code: Code) -> str:
    """`0-3-12`, as a journal writes a code.

    >>> code_text((0, 3, 12))
    '0-3-12'
    """
    return "-".join(map(str, code))


def read_code(text: str) -> Code:
    """The code that `code_text` wrote.

    >>> read_code("0-3-12")
    (0, 3, 12)
    """
    return tuple(int(gene) for gene in text.split("-"))
