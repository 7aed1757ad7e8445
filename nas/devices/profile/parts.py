"""Parts of networks to measure: consecutive rows of points of a space.

A part is an architecture whose input is the map that reaches its first row, so it is built,
exported and run like a network. A third of the points are random ones, a third
are near a seed, and a third near one and narrower, since networks in
use are smaller than most of a space, and costs of large networks say little about small ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

import numpy as np

from nas.devices.profile.load import Load, load_of
from nas.errors import ArchError
from nas.latency.residual import LANES
from nas.space.arch import Arch
from nas.space.scaling import scaled
from nas.space.space import Code, Space

Key = tuple[str, int, int]
"""Identifies a part in a journal: code, first row, row after the last."""

MUTATIONS = 4
"""Genes mutated in a seed."""
WIDTHS = (0.75, 0.5, 0.35)
"""Multipliers that MobileNetV2 is published with."""
LONGEST = 6
"""Most rows of a part."""


@dataclass(frozen=True)
class Point:
    """A point of a space, and its kernels."""

    code: Code
    width: float
    """Width multiplier of the code's network."""
    arch: Arch
    load: Load

    @property
    def name(self) -> str:
        """Its name in a journal."""
        return code_text(self.code, self.width)

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
        return Arch(name, whole.name, whole.shapes[self.start], rows)

    @cached_property
    def load(self) -> Load:
        """Its kernels."""
        mb = self.point.load.ends_mb[0] / prod(self.point.arch.input)
        ends = (prod(self.point.arch.shapes[i]) * mb for i in (self.start, self.stop))
        return self.point.load.between(self.start, self.stop, (next(ends), next(ends)))

    @property
    def key(self) -> Key:
        """Its name in a journal."""
        return self.point.name, self.start, self.stop


@dataclass(frozen=True, slots=True)
class PointSource:
    """Draws points of a space, as a runtime executes them."""

    space: Space
    seeds: Sequence[Arch]
    """Architectures inside the space."""
    precision: str
    fuses: Collection[str]
    lanes: int = LANES
    """Numbers that a vector register holds."""
    known: dict[tuple[Code, float], Point] = field(default_factory=dict, compare=False)
    """Points made so far."""

    def part(self, key: Key) -> Part:
        """Return the part with this key."""
        name, start, stop = key
        return Part(self.point(*read_code(name)), start, stop)

    def point(self, code: Code, width: float = 1.0) -> Point:
        """Return the point of a code, at a width multiplier."""
        if (code, width) not in self.known:
            self.known[code, width] = self._point(code, width)
        return self.known[code, width]

    def _point(self, code: Code, width: float) -> Point:
        arch = self.space.decode(code)
        if width != 1:
            arch = scaled(arch, width=width)
        arch = replace(arch, name=f"{self.space.name}-{arch.arch_id}")
        load = load_of(arch.graph, self.precision, self.fuses, self.lanes)
        return Point(code, width, arch, load)

    def points(self, rng: np.random.Generator) -> Iterator[Point]:
        """Yield points for ever: random, near a seed, narrower near a seed, and so on.

        Every family of seeds is equally likely, however many members it has.
        """
        layered = self.space.layered
        families = families_of(self.seeds)
        while True:
            yield self.point(tuple(layered.sample(1, rng)[0].tolist()))
            for width in (1.0, WIDTHS[rng.integers(len(WIDTHS))]) if self.seeds else ():
                family = families[rng.integers(len(families))]
                seed = family[rng.integers(len(family))]
                codes = np.array([self.space.encode(seed)])
                near = tuple(layered.mutate(codes, rng, genes=MUTATIONS)[0].tolist())
                try:
                    yield self.point(near, width)
                except ArchError:  # heads that do not divide the narrower rows
                    yield self.point(near)


def families_of(seeds: Sequence[Arch]) -> list[list[Arch]]:
    """Seeds by family."""
    families: dict[str, list[Arch]] = {}
    for seed in seeds:
        families.setdefault(seed.family, []).append(seed)
    return list(families.values())


def parts_of(point: Point, rng: np.random.Generator) -> Iterator[Part]:
    """Yield a part of random length from each row whose input is a map, if it has weights."""
    for start, shape in enumerate(point.arch.shapes[:-1]):
        longest = min(LONGEST, len(point.arch.rows) - start)
        part = Part(point, start, start + int(rng.integers(1, longest + 1)))
        if len(shape) == 3 and part.load.weight_mb > 0:
            yield part


def code_text(code: Code, width: float = 1.0) -> str:
    """`0-3-12x0.5`, as a journal writes a code and its width multiplier.

    >>> code_text((0, 3, 12)), code_text((0, 3, 12), 0.5)
    ('0-3-12', '0-3-12x0.5')
    """
    text = "-".join(map(str, code))
    return text if width == 1 else f"{text}x{width:g}"


def read_code(text: str) -> tuple[Code, float]:
    """What `code_text` wrote.

    >>> read_code("0-3-12x0.5")
    ((0, 3, 12), 0.5)
    """
    genes, _, width = text.partition("x")
    return tuple(int(gene) for gene in genes.split("-")), float(width or 1)
