"""One cell of a sweep at work: searched when its turn comes, trained, written down when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import InfeasibleError, NasError, TrainingError
from nas.files.staging import Draft
from nas.optimize import SearchResult
from nas.study.cascade import Cascade, finals_name
from nas.study.database import Database
from nas.study.results import studied_in
from nas.study.run import asked
from nas.study.store import Record, Store
from nas.study.sweep.files import State
from nas.study.sweep.plan import Cell, Sweep
from nas.study.sweep.standing import Standing
from nas.study.trainer import Order
from nas.system.progress import OnMessage, ignore

if TYPE_CHECKING:
    from nas.study.results import Studied
    from nas.train.run import Task


Answer = Future[SearchResult | NasError]
WriteResult = Callable[[Path, SearchResult, Sequence[str], "Studied"], None]


@dataclass(eq=False)
class Line:
    """A cell, whose trials are given out one by one."""

    sweep: Sweep
    cell: Cell
    task: Task
    folder: Path
    """Of the sweep."""
    database: Database
    command: Sequence[str]
    search: Callable[..., Answer]
    """`nas.study.run.searched`, wherever it runs."""
    write: WriteResult
    """Writes a cell's result folder."""
    on_message: OnMessage = ignore
    running: set[str] = field(default_factory=set, init=False)
    """Tickets of its trials that are given out."""
    searching: bool = field(default=True, init=False)
    _state: Standing = field(init=False)
    _result: SearchResult | None = field(default=None, init=False)
    _cascade: Cascade | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._state = Standing.of(self.cell)

    def skip(self, ended: Standing) -> None:
        """Take over what it ended with before."""
        self._state = ended

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self._state.ended

    def next(self) -> Order | None:
        """A trial to train; None while there is none, or when the cell has ended."""
        if self.ended:
            return None
        try:
            return next(self._orders)
        except StopIteration:
            self._finish()
        except InfeasibleError as error:
            self._end("infeasible", error)
        except NasError as error:
            self._end("failed", error)
        return None

    @cached_property
    def _orders(self) -> Iterator[Order | None]:
        return self._begun()

    def _begun(self) -> Iterator[Order | None]:
        sweep, search = self.sweep, self.sweep.asked(self.cell)
        found = self.search(search, sweep.trials, sweep.zero_cost)
        while not found.done():
            yield None
        self.searching = False
        result = found.result()
        if isinstance(result, NasError):
            raise result
        self._result = result
        question = asked(
            search,
            result,
            sweep.trials,
            sweep.zero_cost,
            self.task,
            self.cell.strategy,
            sweep.objectives,
        )
        self._cascade = Cascade(
            self.task,
            self.folder,
            sweep.plan(),
            question,
            sweep.trials,
            self.cell.seed,
            prefix=self.cell.prefix,
        )
        yield from self._cascade.orders(self.database)

    def costs(self, order: Order) -> Sequence[float]:
        """Objectives of a network beside its accuracy."""
        assert self._cascade is not None
        return self._cascade.question.costs(order.arch)

    def known(self) -> list[Record]:
        """Candidates that were trained before this process began."""
        own, _ = studies(self.cell, self.sweep, self.database)
        return [record for record in own if record.state != "running"]

    def standing(self) -> Standing:
        """How far it is."""
        if self._cascade is not None and not self.ended:
            own = studies(self.cell, self.sweep, self.database)
            self._state = self._state.counted(self.sweep, *own)
        return self._state

    def _finish(self) -> None:
        """Write the result folder and keep what came out."""
        assert self._cascade is not None and self._result is not None
        try:
            studied = studied_in(self.database, self._cascade)
        except TrainingError as error:
            self._end("failed", error)
            return
        with Draft(self.folder, self.cell.name, force=True) as draft:
            self.write(draft.folder, self._result, self.command, studied)
            draft.keep()
        self._state = found = self.standing().won(studied)
        self.on_message(
            f"{found.cell}: {found.trained_top1:.1f} %, {found.predicted_ms:.3f} ms predicted"
        )

    def _end(self, state: State, error: object = "") -> None:
        self._state = replace(self.standing(), state=state, error=str(error), epochs_left=0.0)
        if error:
            self.on_message(f"{self.cell.name}: {error}")


def studies(cell: Cell, sweep: Sweep, database: Database) -> tuple[list[Record], list[Record]]:
    """Trials of a cell's candidates and of its finalists; any process may ask, at any time."""
    own, finals = (
        Store.of(database, name).records() if database.has(name) else []
        for name in (cell.candidates(sweep), cell.prefix + finals_name(sweep.plan().longest))
    )
    return own, finals
