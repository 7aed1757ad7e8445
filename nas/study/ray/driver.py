"""Run a whole sweep, from its file to its result folder, or resume it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import ray

from nas.errors import NasError
from nas.files.output import Output
from nas.files.staging import ResumableDir
from nas.optimize import SearchResult
from nas.study.database import Database
from nas.study.ray.connect import check_capacity
from nas.study.ray.sweep import FOLDER, run
from nas.study.request import StudyRequest
from nas.study.results import WriteResult
from nas.study.sweep.cell_status import CellStatus
from nas.study.sweep.dispatcher import Dispatcher
from nas.study.sweep.files import SWEEP_FILE, write_sweep
from nas.study.sweep.plan import Sweep
from nas.study.sweep.runner import CellRunner, PendingSearch
from nas.study.sweep.settings import settings
from nas.study.sweep.status import current_statuses
from nas.study.sweep.task import load_task
from nas.study.trainer import remove_run_files
from nas.system.progress import OnMessage, ignore
from nas.train.run import Task

OnStatus = Callable[[Sequence[CellStatus], float | None], None]
"""Called with the status of every cell and the seconds left, if known."""


@dataclass(frozen=True)
class SweepDriver:
    """A sweep to run; it can be sent to the head of a cluster."""

    sweep: Sweep
    text: str
    """Text of the sweep file."""
    output: Output
    write: WriteResult
    draw: Callable[[Path, Sequence[CellStatus]], None]
    """Draws the plots of the sweep into its folder."""

    def __call__(
        self, on_status: OnStatus = ignore, on_message: OnMessage = ignore
    ) -> list[CellStatus]:
        """Run the sweep on the cluster that this process is connected to.

        Raises:
            ClusterError: no node has the resources of one training.
            DataError, RecipeError: nothing can be trained.
            ResultError: the folder exists, was interrupted, or another process works in it.
            KeyboardInterrupt: the run was interrupted; finished trials are kept.
        """
        sweep, output = self.sweep, self.output
        check_capacity(sweep.resources)
        task = load_task(sweep, on_message)
        asked = settings(sweep, task)
        with ResumableDir(
            output.out, sweep.name, asked, resume=output.resume, force=output.force
        ) as work:
            if work.complete:
                on_message(f"{work.path} is complete already")
                return current_statuses(work.path)
            (work.folder / SWEEP_FILE).write_text(self.text, encoding="utf-8")
            statuses = self._done(work, task, on_status, on_message)
            work.commit()
        return statuses

    def _done(
        self, work: ResumableDir, task: Task, on_status: OnStatus, on_message: OnMessage
    ) -> list[CellStatus]:
        folder = work.folder.absolute()  # workers have another working folder
        url = self.sweep.storage or None
        with closing(Database(folder, url, work.settings.scope(url), sole=True)) as database:
            runners = [
                CellRunner(
                    self.sweep,
                    cell,
                    task,
                    folder,
                    database,
                    self.output.command,
                    search_on_node,
                    self.write,
                    on_message,
                )
                for cell in self.sweep.cells()
            ]
            dispatcher = Dispatcher(runners, folder)
            run(
                self.sweep,
                task,
                dispatcher,
                folder,
                lambda: on_status(dispatcher.statuses(), dispatcher.eta_s()),
                on_message,
            )
            statuses = dispatcher.statuses()
        write_sweep(folder, self.output.command)
        self.draw(folder, statuses)
        remove_run_files(folder)
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
        return statuses


def search_on_node(request: StudyRequest) -> PendingSearch:
    """Search on any node, since trainings would wait for a search in this process."""
    task = ray.remote(num_cpus=0, scheduling_strategy="SPREAD", max_retries=-1)(_search)
    future: PendingSearch = task.remote(request).future()
    return future


def _search(request: StudyRequest) -> SearchResult | NasError:
    try:
        return request.run_search()
    except NasError as error:  # returned, since Ray would wrap a raised one
        return error
