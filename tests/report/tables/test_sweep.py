"""The cells of a sweep on 80 columns."""

from __future__ import annotations

import pytest

from nas.report.tables.sweep import cell_table
from nas.report.tables.text import print_table
from nas.study.sweep.cell_status import CellStatus

SETTINGS = {"space": "mobilenetv3", "strategy": "model", "budget_ms": 0.5, "wanted": 16}


def status(device: str, seed: int, **figures: object) -> CellStatus:
    cell = f"{device}-{seed}"
    return CellStatus(cell=cell, device=device, seed=seed, **SETTINGS, **figures)  # type: ignore[arg-type]


def test_no_state_is_cut_in_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = status("galaxy-s24-npu", 0, state="done", trials=16, predicted_ms=0.5, stopped=9)
    ended = {"trained_top1": 92.5, "trained_top1_low": 91.25, "trained_top1_high": 93.75}
    others = [
        status("sd855-cpu-1t", 1, state="done", trials=16, best_top1=92.5, **ended),
        status("sd855-cpu-1t", 2, state="infeasible"),
    ]
    print_table(*cell_table([done, *others]))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    for word in ("done", "infeasible", "92.5 [91.2, 93.8]", "galaxy-s24-npu"):
        assert word in out


def test_figures_that_no_cell_has_are_left_out() -> None:
    columns, rows = cell_table([status("iphone13", 0), status("iphone13", 1, trials=3)])
    assert [str(column) for column in columns] == ["seed", "state", "done", "best\n%"]
    assert [row[2] for row in rows] == ["0/16", "3/16"]
