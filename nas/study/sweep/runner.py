"""Run one cell of a sweep: search, train its candidates, write its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import InfeasibleError, NasError, TrainingError
from nas.files.staging import StagedDir
from nas.optimize import SearchResult
from nas.study.database import Database
from nas.study.halving import SuccessiveHalving, finals_name
from nas.study.record import Record
from nas.study.request import StudyRequest
from nas.study.results import WriteResult, study_result_in
from nas.study.store import Store
from nas.study.sweep.cell_status import CellStatus
from nas.study.sweep.files import State
from nas.study.sweep.plan import Cell, Sweep
from nas.study.trainer import TrialAssignment
from nas.system.progress import OnMessage, ignore

if TYPE_CHECKING:
    from nas.train.run import Task


PendingSearch = Future[SearchResult | NasError]


@dataclass(eq=False)
class CellRunner:
    """Runs a cell whose trials are assigned one by one."""

    sweep: Sweep
    cell: Cell
    task: Task
    folder: Path
    """The sweep's folder."""
    database: Database
    command: Sequence[str]
    search: Callable[[StudyRequest], PendingSearch]
    """Runs the search of a request, perhaps on another machine."""
    write: WriteResult
    on_message: OnMessage = ignore
    running: set[str] = field(default_factory=set, init=False)
    """Ids of the cell's running trials."""
    searching: bool = field(default=True, init=False)
    _result: SearchResult | None = field(default=None, init=False)
    _halving: SuccessiveHalving | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._state, self._assignments = CellStatus.of(self.cell), self._assign()

    def restore(self, ended: CellStatus) -> None:
        """Restore the status of a cell that ended in an earlier process."""
        self._state = ended

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self._state.ended

    def next_trial(self) -> TrialAssignment | None:
        """The next trial to train; None while there is none, and when the cell has ended."""
        if self.ended:
            return None
        try:
            return next(self._assignments)
        except StopIteration:
            self._finish()
        except InfeasibleError as error:
            self._end("infeasible", error)
        except NasError as error:
            self._end("failed", error)
        return None

    def _assign(self) -> Iterator[TrialAssignment | None]:
        request = self.sweep.request(self.cell)
        pending = self.search(request)
        while not pending.done():
            yield None
        self.searching = False
        result = pending.result()
        if isinstance(result, NasError):
            raise result
        self._result = result
        sweep, spec = self.sweep, request.spec(result, self.task)
        self._halving = SuccessiveHalving(
            self.task,
            self.folder,
            sweep.plan(),
            spec,
            sweep.trials,
            self.cell.seed,
            prefix=self.cell.prefix,
        )
        yield from self._halving.assignments(self.database)

    def costs(self, assignment: TrialAssignment) -> Sequence[float]:
        """Values of a trial's objectives beside the accuracy."""
        assert self._halving is not None
        return self._halving.spec.costs(assignment.arch)

    def finished_records(self) -> list[Record]:
        """Trials of candidates that have ended."""
        own, _ = cell_records(self.cell, self.sweep, self.database)
        return [record for record in own if record.state != "running"]

    def status(self) -> CellStatus:
        """The cell's status."""
        if self._halving is not None and not self.ended:
            own = cell_records(self.cell, self.sweep, self.database)
            self._state = self._state.counted(self.sweep, *own)
        return self._state

    def _finish(self) -> None:
        """Write the result folder, and record the winner."""
        assert self._halving is not None and self._result is not None
        try:
            studied = study_result_in(self.database, self._halving)
        except TrainingError as error:
            self._end("failed", error)
            return
        with StagedDir(self.folder, self.cell.name, force=True) as draft:
            self.write(draft.folder, self._result, self.command, studied)
            draft.commit()
        self._state = found = self.status().won(studied)
        self.on_message(
            f"{found.cell}: {found.trained_top1:.1f} %, {found.predicted_ms:.3f} ms predicted"
        )

    def _end(self, state: State, error: object = "") -> None:
        self._state = replace(self.status(), state=state, error=str(error), epochs_left=0.0)
        if error:
            self.on_message(f"{self.cell.name}: {error}")


def cell_records(cell: Cell, sweep: Sweep, database: Database) -> tuple[list[Record], list[Record]]:
    """Trials of a cell's candidates and of its finalists; any process may call this."""
    own, finals = (
        Store.of(database, name).records() if database.has(name) else []
        for name in (cell.candidates(sweep), cell.prefix + finals_name(sweep.plan().longest))
    )
    return own, finals
