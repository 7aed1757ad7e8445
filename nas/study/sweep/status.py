"""The status of a sweep, read by a process that does not run it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from nas.errors import ResultError
from nas.files.settings import read_settings
from nas.files.staging import is_interrupted
from nas.study.database import Database
from nas.study.sweep.cell_status import CellStatus, read_statuses
from nas.study.sweep.files import SWEEP_FILE
from nas.study.sweep.plan import load_sweep
from nas.study.sweep.runner import cell_records


def find_sweep(sweep: Path, out: Path) -> Path:
    """The folder of a sweep, given its file, its folder or its name.

    Raises:
        ResultError: there is no such sweep.
    """
    name = load_sweep(sweep).name if sweep.is_file() else sweep.name
    for folder in (sweep, out / f".{name}.work", out / name):
        if (folder / SWEEP_FILE).exists():
            return folder
    raise ResultError(f"{sweep}: no sweep of that name was started in {out}")


def current_statuses(folder: Path) -> list[CellStatus]:
    """The status of every cell, in the order of the file; nothing runs if no process has it."""
    sweep, known = load_sweep(folder / SWEEP_FILE), read_statuses(folder)
    cells = {cell: known.get(cell.name) or CellStatus.of(cell) for cell in sweep.cells()}
    if all(status.ended for status in cells.values()):
        return list(cells.values())
    url = sweep.storage or None
    scope = read_settings(folder).scope(url) if url else ""
    with closing(Database(folder, url, scope, sole=True)) as database:
        found = [
            own if own.ended else own.counted(sweep, *cell_records(cell, sweep, database))
            for cell, own in cells.items()
        ]
    if not is_interrupted(folder):
        return found
    return [
        replace(own, state="interrupted", running=0) if own.state == "running" else own
        for own in found
    ]
