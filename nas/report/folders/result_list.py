"""The results in a folder: the command that made each, and what it was made for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.adapt.result import FACTS as ADAPTED
from nas.errors import DocumentError, ResultError
from nas.files import yaml
from nas.files.records import optional, read_record, some_of
from nas.files.resources import SUPERNET_FACTS, TRAIN_FACTS
from nas.files.settings import FILE, read_settings
from nas.files.staging import is_interrupted, result_of
from nas.report.folders.search import STUDY
from nas.study.sweep.files import RUN_FILE, SWEEP_FILE

MADE_BY = {
    STUDY: "nas search",
    ADAPTED: "nas adapt",
    TRAIN_FACTS: "nas train",
    SUPERNET_FACTS: "nas supernet",
    RUN_FILE: "nas sweep",
    SWEEP_FILE: "nas sweep",
    "fidelity.json": "nas fidelity",
    "bench.yaml": "nas bench",
}
"""File in a result -> the command that writes it; the first one counts."""


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """The device of a result."""

    name: str
    hash: str = ""
    path: str = ""
    """Of a device that is not shipped."""
    budget_ms: float = optional()


@dataclass(frozen=True, slots=True)
class _Document:
    """Keys of a result's YAML file that a list needs."""

    date: str = ""
    device: DeviceEntry = optional()
    budget_ms: float = optional()
    others: tuple[DeviceEntry, ...] = some_of(default=())


@dataclass(frozen=True, slots=True)
class ResultEntry:
    """One result."""

    path: Path
    made_by: str
    date: str = ""
    devices: tuple[str, ...] = ()
    budgets_ms: tuple[float, ...] = ()
    interrupted: bool = False


def results_in(folder: Path) -> list[ResultEntry]:
    """The results directly below a folder by name, then the runs that were interrupted.

    Raises:
        DocumentError: there is no such folder, or a result is damaged.
    """
    if not folder.is_dir():
        raise DocumentError(f"{folder}: no such folder; nas writes results there, or into --out")
    below = sorted(path for path in folder.iterdir() if path.is_dir())
    found = (_finished(path) for path in below if not path.name.startswith("."))
    return [*filter(None, found), *_interrupted(folder)]


def device_entries(folder: Path) -> list[DeviceEntry]:
    """The devices that a result was made for; none if its folder names none.

    Raises:
        DocumentError: a file is damaged.
    """
    path = next((folder / name for name in MADE_BY if (folder / name).is_file()), None)
    return [] if path is None else _devices(_read(path))


def _finished(folder: Path) -> ResultEntry | None:
    name = next((name for name in MADE_BY if (folder / name).is_file()), None)
    if name is None:
        return None
    found = _read(folder / name)
    budgets = [found.budget_ms, *(other.budget_ms for other in found.others)]
    known = tuple(ms for ms in budgets if ms is not None) or _budgets(folder)
    devices = tuple(device.name for device in _devices(found))
    return ResultEntry(folder, MADE_BY[name], found.date, devices, known)


def _read(path: Path) -> _Document:
    if path.suffix != ".yaml" or path.name == SWEEP_FILE:  # which lists devices and budgets
        return _Document()
    return read_record(_Document, yaml.read(path), str(path), closed=False)


def _devices(found: _Document) -> list[DeviceEntry]:
    return [device for device in (found.device, *found.others) if device is not None]


def _interrupted(folder: Path) -> Iterator[ResultEntry]:
    for path in sorted(folder.glob(f".*.work/{FILE}")):
        if not is_interrupted(path.parent):
            continue
        try:
            made = read_settings(path.parent)
        except ResultError:  # of another version, or empty after a power cut
            continue
        command = f"nas {made.command.partition(' ')[0]}"
        budgets = _budgets(path.parent)
        found = result_of(path.parent)
        yield ResultEntry(found, command, budgets_ms=budgets, interrupted=True)


def _budgets(folder: Path) -> tuple[float, ...]:
    """The budgets in `settings.json`; none if there is no such file, or it has none."""
    try:
        values: Mapping[str, Any] = read_settings(folder).values
    except ResultError:
        return ()
    plan = values.get("plan")
    found = plan.get("budget_ms") if isinstance(plan, Mapping) else values.get("budget_ms")
    several = found if isinstance(found, list) else [found]
    return tuple(float(ms) for ms in several if isinstance(ms, int | float))
