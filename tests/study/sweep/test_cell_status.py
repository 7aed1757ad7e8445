"""`cells.csv` stores the status of every cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from nas.errors import DocumentError
from nas.report.folders.sweep import COLUMNS
from nas.study.sweep.cell_status import CellStatus, read_statuses, write_statuses
from nas.study.sweep.plan import Sweep


def test_what_is_written_is_read(sweep: Sweep, tmp_path: Path) -> None:
    first, second = (CellStatus.of(cell) for cell in sweep.cells())
    first = replace(first, state="done", trials=7, best_top1=81.25, predicted_ms=2.5)
    second = replace(second, state="infeasible", error='no network, "small" or not,\nis so fast')
    write_statuses(tmp_path, [first, second])
    assert read_statuses(tmp_path) == {first.cell: first, second.cell: second}
    assert read_statuses(tmp_path / "other") == {}


def test_what_a_report_reads_is_there() -> None:
    assert {*COLUMNS} <= {part.name for part in fields(CellStatus)}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("waiting,0", "waiting,many"), "line 2 (trials): found 'many'"),
        (lambda text: text.replace("waiting", "wai"), "line 2 (state): found 'wai', expected one"),
        (lambda text: text[:-40], "line 2: found "),
        (lambda text: text.replace("seed,", "sed,"), "column 'seed' is missing"),
        (lambda text: "", "column 'cell' is missing"),
        (lambda text: "\0" + text, "cells.csv line 1: "),
    ],
)
def test_a_damaged_file_is_one_line(
    sweep: Sweep, tmp_path: Path, damage: Callable[[str], str], message: str
) -> None:
    cell = sweep.cells()[0]
    write_statuses(tmp_path, [CellStatus.of(cell)])
    path = tmp_path / "cells.csv"
    path.write_text(damage(path.read_text()))
    with pytest.raises(DocumentError) as caught:
        read_statuses(tmp_path)
    assert message in str(caught.value)
    assert str(caught.value).endswith("; without the file --resume makes it anew")
    assert "\n" not in str(caught.value)


def test_a_large_seed_is_read(sweep: Sweep, tmp_path: Path) -> None:
    found = replace(CellStatus.of(sweep.cells()[0]), seed=2**31, epochs_left=1e9)
    write_statuses(tmp_path, [found])
    assert read_statuses(tmp_path) == {found.cell: found}
