"""How far a sweep is, for a process that is not the one that runs it."""

from __future__ import annotations

from pathlib import Path

from nas.errors import ResultError
from nas.files.settings import read_settings
from nas.study.database import Database
from nas.study.sweep.files import ASKED
from nas.study.sweep.line import studies
from nas.study.sweep.plan import load_sweep
from nas.study.sweep.standing import Standing, read_standings


def find(sweep: Path, out: Path) -> Path:
    """The folder of a sweep: of its file, of its results, or of its name.

    Raises:
        ResultError: there is none.
    """
    name = load_sweep(sweep).name if sweep.is_file() else sweep.name
    for folder in (sweep, out / f".{name}.work", out / name):
        if (folder / ASKED).exists():
            return folder
    raise ResultError(f"{sweep}: no sweep of that name was begun in {out}")


def look(folder: Path) -> list[Standing]:
    """Every cell, in the order of the file."""
    sweep, known = load_sweep(folder / ASKED), read_standings(folder)
    cells = {cell: known.get(cell.name) or Standing.of(cell) for cell in sweep.cells()}
    if all(standing.ended for standing in cells.values()):
        return list(cells.values())
    url = sweep.storage or None
    scope = read_settings(folder).scope(url) if url else ""
    database = Database(folder, url, scope, sole=True)
    try:
        return [
            own if own.ended else own.counted(sweep, *studies(cell, sweep, database))
            for cell, own in cells.items()
        ]
    finally:
        database.close()
