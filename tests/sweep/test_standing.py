"""`cells.csv` keeps what is known of every cell."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from nas.report.sweep import COLUMNS
from nas.sweep.plan import Sweep
from nas.sweep.standing import Standing, read_standings, write_standings


def test_what_is_written_is_read(sweep: Sweep, tmp_path: Path) -> None:
    first, second = (Standing.of(cell) for cell in sweep.cells())
    first = replace(first, state="done", trials=7, best_top1=81.25, predicted_ms=2.5)
    second = replace(second, state="infeasible", error='no network, "small" or not,\nis so fast')
    write_standings(tmp_path, [first, second])
    assert read_standings(tmp_path) == {first.cell: first, second.cell: second}
    assert read_standings(tmp_path / "other") == {}


def test_what_a_report_reads_is_there() -> None:
    assert {*COLUMNS} <= {part.name for part in fields(Standing)}
