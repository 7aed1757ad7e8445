"""What the folder of a trained supernet says: its space, its images, its limits; without torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas import library
from nas.errors import DocumentError, WeightsError
from nas.files import yaml
from nas.files.output import Output
from nas.files.records import between, read_record
from nas.files.resources import SUPERNET_FACTS, exists, named
from nas.latency.device import Device
from nas.space.space import Space

SPACE_TABLE = "space.yaml"
"""The table of its space in the folder of a supernet."""


@dataclass(frozen=True, slots=True)
class SupernetFacts:
    """Keys of `supernet.yaml` that are read back."""

    space: str
    space_hash: str
    trained_hash: str
    """Of the space with the data's classes and image sides."""
    data: str
    fingerprint: str
    """Of the images."""
    epochs: int = between(low=1, high=1e12)
    smallest_top1: float = between(high=100)
    largest_top1: float = between(high=100)
    seconds: float = between(high=1e12)


@dataclass(frozen=True, slots=True)
class _Device:
    name: str
    hash: str


@dataclass(frozen=True, slots=True)
class SupernetLimits:
    """The device and budget of `supernet.yaml`, above which nothing was trained."""

    device: _Device | None = None
    budget_ms: float | None = None


def supernet_folder(name: str | Path) -> Path:
    """The folder of a supernet: a path, or a name in `results/`."""
    return Path(name) if exists(Path(name)) else Output().out / name


def read_facts(folder: Path) -> SupernetFacts:
    """Read the `supernet.yaml` of a finished training.

    Raises:
        DocumentError: it is missing or damaged.
    """
    return read_record(SupernetFacts, *_read(folder), closed=False)


def read_limits(folder: Path) -> SupernetLimits:
    """Read the limits of a finished training.

    Raises:
        DocumentError: as `read_facts`.
    """
    return read_record(SupernetLimits, *_read(folder), closed=False)


def _read(folder: Path) -> tuple[Any, str]:
    path = folder / SUPERNET_FACTS
    if not path.is_file():
        raise DocumentError(
            f"{folder} is no trained supernet: it has no {SUPERNET_FACTS}; nas supernet trains one"
        )
    return yaml.read(path), str(path)


def source_of_space(folder: Path, facts: SupernetFacts) -> str | Path:
    """What loads the space of a supernet: its name if it is shipped as it was, else its table."""
    table = folder / SPACE_TABLE
    if not table.exists():
        return facts.space
    shipped = facts.space in named("space")
    same = shipped and library.load_space(facts.space).space_hash == facts.space_hash
    return facts.space if same else table


def check_space(folder: Path, facts: SupernetFacts, space: Space) -> None:
    """Check that a supernet is of this space.

    Raises:
        WeightsError: it is of another one.
    """
    if space.space_hash != facts.space_hash:
        raise WeightsError(f"{folder} is the supernet of another space than {space.name}")


def beyond(folder: Path, devices: Iterable[Device], budgets_ms: Iterable[float]) -> str | None:
    """A line that says that budgets allow networks that a supernet did not train; else None."""
    limits = read_limits(folder)
    if limits.device is None or limits.budget_ms is None:
        return None
    for device, budget_ms in zip(devices, budgets_ms, strict=False):
        if device.content_hash == limits.device.hash and budget_ms > limits.budget_ms:
            return (
                f"{folder} trained no network above {limits.budget_ms:g} ms on {device.name};"
                " larger ones are judged too low"
            )
    return None
