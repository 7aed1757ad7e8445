"""How far a sweep is, for a process that is not the one that runs it."""

from __future__ import annotations

from pathlib import Path

from nas.errors import ResultError
from nas.study.database import Database
from nas.sweep.line import studies
from nas.sweep.plan import load_sweep
from nas.sweep.standing import Standing, read_standings

SWEEP = "sweep.yaml"


def find(sweep: Path, out: Path) -> Path:
    """The folder of a sweep: of its file, of its results, or of its name.

    Raises:
        ResultError: there is none.
    """
    name = load_sweep(sweep).name if sweep.is_file() else sweep.name
    for folder in (sweep, out / name, out / f".{name}.work"):
        if (folder / SWEEP).exists():
            return folder
    raise ResultError(f"{sweep}: no sweep of that name was begun in {out}")


def look(folder: Path) -> list[Standing]:
    """Every cell, in the order of the file."""
    sweep, ended = load_sweep(folder / SWEEP), read_standings(folder)
    if all(cell.name in ended and ended[cell.name].ended for cell in sweep.cells()):
        return list(ended.values())
    database = Database(folder, sweep.storage or None, sole=True)
    try:
        return [
            known
            if (known := ended.get(cell.name)) is not None and known.ended
            else Standing.of(cell).counted(sweep, *studies(cell, sweep, database))
            for cell in sweep.cells()
        ]
    finally:
        database.close()
