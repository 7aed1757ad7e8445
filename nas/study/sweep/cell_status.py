"""The status of each cell of a sweep, as the terminal shows and `cells.csv` stores it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

from nas.errors import DocumentError
from nas.files.csv import CsvRow, read_csv, write_csv
from nas.study.record import Record
from nas.study.results import StudyResult
from nas.study.sweep.files import CELLS_FILE, STATES, State
from nas.study.sweep.plan import Cell, Sweep

MOST = 2**31
"""Largest whole number that `cells.csv` may hold."""
ENDED = ("done", "infeasible", "failed")


@dataclass(frozen=True, slots=True)
class CellStatus:
    """One cell; its fields are the columns of `cells.csv`, where unknown values are empty."""

    cell: str
    space: str
    device: str
    budget_ms: float
    strategy: str
    seed: int
    state: State = "waiting"
    trials: int = 0
    """Finished trainings, with those of finalists."""
    stopped: int = 0
    """Trainings that the scheduler stopped."""
    failed: int = 0
    running: int = 0
    wanted: int = 0
    """Largest number of trainings."""
    epochs: int = 0
    """Epochs trained so far."""
    epochs_left: float = 0.0
    """Expected epochs left, if the scheduler stops the rest as early as the others."""
    best_top1: float | None = None
    """Best top-1 of the fully trained candidates, on the validation images, in percent."""
    arch_id: str = ""
    """Id of the winner."""
    predicted_ms: float | None = None
    predicted_ms_low: float | None = None
    predicted_ms_high: float | None = None
    trained_top1: float | None = None
    """Mean top-1 of the winner's final trainings, with a 95 % interval."""
    trained_top1_low: float | None = None
    trained_top1_high: float | None = None
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in ENDED

    @classmethod
    def of(cls, cell: Cell) -> CellStatus:
        """The status of a cell that has not started."""
        return cls(cell.name, *astuple(cell))

    def counted(self, sweep: Sweep, own: Sequence[Record], finals: Sequence[Record]) -> CellStatus:
        """Update the counts from the trials of the candidates (`own`) and of the finalists."""
        plan, trials = sweep.plan(), sweep.trials
        every = [*own, *finals]
        states = [record.state for record in every]
        finalists = min(plan.finalists, trials) * plan.seeds
        tops = [record.values[0] for record in own if record.state == "complete"]
        return replace(
            self,
            state="running" if every and not self.ended else self.state,
            trials=states.count("complete") + states.count("pruned"),
            stopped=states.count("pruned"),
            failed=states.count("fail"),
            running=states.count("running"),
            wanted=trials + finalists,
            epochs=sum(len(record.top1s) for record in every),
            epochs_left=_left(own, trials, plan.epochs) + _left(finals, finalists, plan.longest),
            best_top1=max(tops, default=None),
        )

    def won(self, studied: StudyResult) -> CellStatus:
        """Add the winner."""
        best, top1 = studied.trials[0].candidate, studied.accuracy
        return replace(
            self,
            state="done",
            epochs_left=0.0,
            arch_id=best.arch.arch_id,
            predicted_ms=best.ms,
            predicted_ms_low=best.ms_low,
            predicted_ms_high=best.ms_high,
            trained_top1=top1.top1,
            trained_top1_low=top1.low,
            trained_top1_high=top1.high,
        )


def _left(records: Sequence[Record], wanted: int, epochs: int) -> float:
    """Expected epochs left of `wanted` trainings."""
    ended = [len(record.top1s) for record in records if record.state != "running"]
    begun = [len(record.top1s) for record in records if record.state == "running"]
    mean = sum(ended) / len(ended) if ended else float(epochs)
    return max(0.0, mean * (wanted - len(ended)) - sum(begun))


def write_statuses(folder: Path, statuses: Iterable[CellStatus]) -> None:
    """`cells.csv`, replaced whole."""
    draft = folder / f".{CELLS_FILE}"
    columns = [part.name for part in fields(CellStatus)]
    rows = [[_cell(getattr(status, name)) for name in columns] for status in statuses]
    write_csv(draft, columns, rows)
    draft.replace(folder / CELLS_FILE)


def read_statuses(folder: Path) -> dict[str, CellStatus]:
    """What `cells.csv` says, by cell; nothing where there is no such file.

    Raises:
        DocumentError: with file, line and column of what is wrong.
    """
    path = folder / CELLS_FILE
    if not path.exists():
        return {}
    try:
        lines = read_csv(path, [part.name for part in fields(CellStatus)])
        return {line.cells["cell"]: _status(line) for line in lines}
    except DocumentError as error:
        raise DocumentError(f"{error}; without the file --resume makes it anew") from None


def _cell(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def _status(line: CsvRow) -> CellStatus:
    readers: dict[Any, Callable[[str], Any]] = {
        "int": lambda column: line.integer(column, 0, MOST),
        "float": lambda column: line.number(column, 0),
        "float | None": line.optional_number,
    }
    columns = ((part.name, part.type) for part in fields(CellStatus))
    found = {name: readers.get(kind, line.cells.__getitem__)(name) for name, kind in columns}
    if found["state"] not in STATES:
        line.fail("state", f"one of {', '.join(STATES)}")
    return CellStatus(**found)
