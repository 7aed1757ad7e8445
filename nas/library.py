"""Shipped architectures, spaces, devices, surrogates and published figures, by name.

Every loader takes a shipped name or a path. An unknown name raises `UnknownNameError`, which lists
the nearest ones; a file that is missing or malformed raises `DocumentError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import DocumentError
from nas.files.csv import read_csv
from nas.files.resources import SURROGATE, VARIANTS, data_dir, find, named
from nas.space.arch import Arch, read_arch
from nas.space.scaling import read_variant

if TYPE_CHECKING:
    from nas.accuracy import Surrogate
    from nas.latency.device import Device
    from nas.space.space import Space

TORCH_MODULE = re.compile(r"(?:timm|torchvision):([^@]*)|.*\.py:")
"""Names of `nas.modules.networks` that stand for torch modules."""


def load_arch(name: str | Path) -> Arch:
    """An architecture by name, by path to its YAML, or by results folder (its `best.yaml`).

    Raises:
        UnknownNameError: there is no such name.
        DocumentError: the file is missing or breaks the schema, or a torch module is named.
    """
    if module := TORCH_MODULE.match(str(name)):
        raise _without_table(str(name), module[1] or "")
    path = find("architecture", name)
    return read_variant(path, str(name)) if path.name == VARIANTS else read_arch(path)


def _without_table(name: str, model: str) -> DocumentError:
    """The error for a torch module where rows of a table are changed, trained or exported."""
    plain = {re.sub("[-_.]", "", known): known for known in reversed(named("architecture"))}
    close = get_close_matches(re.sub("[-_.]", "", model), plain, n=1)
    nearest = (
        f" The nearest is {plain[close[0]]}, which takes the model's weights with --weights FILE."
        if close
        else ""
    )
    return DocumentError(
        f"{name} is a torch module: nas show and nas compare take it, but this needs a table (see:"
        f" nas list archs).{nearest} docs/tables.md says how to write one."
    )


def archs_in(space: Space) -> list[Arch]:
    """The shipped architectures that are points of a space."""
    return [arch for arch in _shipped_archs() if space.contains(arch)]


@cache
def _shipped_archs() -> tuple[Arch, ...]:
    return tuple(map(load_arch, named("architecture")))


def shipped_or_same(arch: Arch) -> Arch:
    """The shipped architecture that computes the same, or the given one.

    A network that a search finds is so called by its known name.
    """
    return _shipped_by_id().get(arch.arch_id, arch)


@cache
def _shipped_by_id() -> dict[str, Arch]:
    return {arch.arch_id: arch for arch in reversed(_shipped_archs())}


def load_space(name: str | Path) -> Space:
    """A search space by name or by path to its YAML."""
    from nas.space.space import read_space

    return read_space(find("space", name))


def load_device(name: str | Path) -> Device:
    """A device by name or by path to its folder."""
    from nas.latency.device import load_device as load

    return load(name)


def load_surrogate(name: str | Path) -> Surrogate:
    """An accuracy surrogate by name or by path to its folder."""
    from nas.accuracy import load_surrogate as load

    return load(find("surrogate", name).parent)


def default_surrogate() -> Surrogate | None:
    """The shipped default surrogate, or None if there is none."""
    return load_surrogate(SURROGATE) if SURROGATE in named("surrogate") else None


SUPERVISED, DISTILLED, OTHER_DATA = "supervised", "distilled", "imagenet-21k"
"""How a published network was trained: on ImageNet-1k alone, with a teacher, or on more images."""


@dataclass(frozen=True, slots=True)
class Published:
    """One published accuracy figure."""

    arch: str
    """Name of a shipped architecture."""
    top1: float
    """ImageNet-1k top-1 accuracy, percent."""
    recipe: str
    source: str
    place: str
    """Table, figure or file of the source."""

    @property
    def column(self) -> str:
        """The column that the figure belongs in: `SUPERVISED`, `DISTILLED` or `OTHER_DATA`."""
        if self.recipe.startswith(OTHER_DATA):
            return OTHER_DATA
        return DISTILLED if DISTILLED in self.recipe else SUPERVISED

    def __str__(self) -> str:
        return f"{self.top1:.1f} %, {self.source}, {self.place} ({self.recipe})"


def published(arch: Arch) -> tuple[Published, ...]:
    """Published ImageNet figures of a shipped architecture, those of the reference recipe first.

    An architecture has no figures if it only shares the name of a shipped one.
    """
    if arch.name not in named("architecture") or load_arch(arch.name) != arch:
        return ()
    return published_by_name().get(arch.name, ())


def published_by_name() -> dict[str, tuple[Published, ...]]:
    """All published ImageNet figures by architecture, of shipped ones and others."""
    path = data_dir("results") / "published" / "imagenet.csv"
    figures = [
        Published(**{**row.cells, "top1": row.number("top1", 0, 100)})  # type: ignore[arg-type]
        for row in read_csv(path, [field.name for field in fields(Published)], closed=True)
    ]
    found: dict[str, tuple[Published, ...]] = {}
    for figure in sorted(figures, key=lambda figure: figure.recipe != SUPERVISED):
        found[figure.arch] = (*found.get(figure.arch, ()), figure)
    return found


def first_published(figures: Iterable[Published], column: str) -> Published | None:
    """The first figure of a column, `SUPERVISED` or `DISTILLED`; None without any."""
    return next((figure for figure in figures if figure.column == column), None)


AS_LARGE = 1.15
"""A network counts as of the same size up to this factor of parameters and of MACs."""


@dataclass(frozen=True, slots=True)
class Record:
    """A supervised network with the best published top-1 of its size."""

    network: str
    params_m: float
    """Millions of parameters."""
    macs_m: float
    """Millions of MACs."""
    top1: float
    """ImageNet-1k top-1 accuracy, percent, trained on it alone and without a teacher."""
    source: str

    def __str__(self) -> str:
        return f"{self.network} {self.top1:.1f}"


def best_of_size(arch: Arch) -> Record | None:
    """The best published supervised network of at most `AS_LARGE` times the parameters and MACs.

    None for a network smaller than all published ones.
    """
    params_m, macs_m = (AS_LARGE * size / 1e6 for size in (arch.params, arch.macs))
    fitting = (r for r in _records() if r.params_m <= params_m and r.macs_m <= macs_m)
    return max(fitting, key=lambda record: record.top1, default=None)


@cache
def _records() -> tuple[Record, ...]:
    path = data_dir("results") / "published" / "best_of_size.csv"
    rows = read_csv(path, [field.name for field in fields(Record)], closed=True)
    return tuple(
        Record(
            row.cells["network"],
            row.positive("params_m"),
            row.positive("macs_m"),
            row.number("top1", 0, 100),
            row.cells["source"],
        )
        for row in rows
    )
