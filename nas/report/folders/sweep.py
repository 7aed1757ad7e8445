"""Read the folder of a sweep: its settings, `cells.csv`, and a search's folder for each cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.errors import DocumentError, brief
from nas.files import yaml
from nas.files.csv import CsvRow, read_csv
from nas.report.folders.search import SearchFolder, read_search
from nas.study.sweep.files import CELLS_FILE, RUN_FILE, STATES, SWEEP_FILE

WORDS = ("cell", "space", "device", "strategy", "seed", "state", "trials", "failed", "arch_id")
MS = ("predicted_ms", "predicted_ms_low", "predicted_ms_high")
TOP1 = ("trained_top1", "trained_top1_low", "trained_top1_high")
COLUMNS = (*WORDS, "budget_ms", *MS, *TOP1, "error")


@dataclass(frozen=True, slots=True)
class SweepCell:
    """One search of a sweep."""

    words: Mapping[str, str]
    """Text of the columns `WORDS`."""
    budget_ms: float
    ms: tuple[float, float, float] | None
    """Predicted latency and its interval; None until the search is done."""
    top1: tuple[float, float, float] | None
    """Trained top-1 and its interval; None without training."""
    error: str
    result: SearchFolder | None

    @property
    def name(self) -> str:
        return self.words["cell"]

    @property
    def device(self) -> str:
        return self.words["device"]


@dataclass(frozen=True, slots=True)
class SweepFolder:
    """The content of a sweep's folder."""

    folder: Path
    asked: Mapping[str, Any]
    made: Mapping[str, Any]
    """Command and versions; empty until the sweep has ended."""
    cells: tuple[SweepCell, ...]

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def devices(self) -> list[str]:
        """Names of the devices, in the order of the cells."""
        return list(dict.fromkeys(cell.device for cell in self.cells))


def read_sweep(folder: Path) -> SweepFolder:
    """Read a sweep's folder.

    Raises:
        DocumentError: one of its files, or a cell's folder, is damaged.
    """
    asked = yaml.read(folder / SWEEP_FILE)
    lines = read_csv(folder / CELLS_FILE, COLUMNS)
    if not lines:
        raise DocumentError(f"{folder / CELLS_FILE}: no cells below the header")
    made = yaml.read(folder / RUN_FILE) if (folder / RUN_FILE).exists() else {}
    return SweepFolder(folder, asked, made, tuple(_cell(line, folder) for line in lines))


def _cell(line: CsvRow, folder: Path) -> SweepCell:
    state = line.cells["state"]
    if state not in STATES:
        expected = ", ".join(STATES)
        raise DocumentError(f"{line.where} (state): expected {expected}; found {brief(state)}")
    done = state == "done"
    result = read_search(line.file(folder, "cell")) if done else None
    return SweepCell(
        {column: line.cells[column] for column in WORDS},
        line.number("budget_ms"),
        _three(line, MS) if done else None,
        _three(line, TOP1) if done and line.cells[TOP1[0]] else None,
        line.cells["error"],
        result,
    )


def _three(line: CsvRow, columns: tuple[str, str, str]) -> tuple[float, float, float]:
    value, low, high = (line.number(column) for column in columns)
    return value, low, high
