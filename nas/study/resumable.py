"""A search with training as a resumable run: images and limits in, a result folder out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import BudgetError, InfeasibleError, StorageError, UnknownNameError
from nas.files.output import Output
from nas.files.resources import WEIGHTS, content_hash
from nas.files.settings import RunInputs, RunSettings
from nas.files.staging import ResumableDir, check_not_shipped
from nas.optimize import SearchResult
from nas.optimize.settings import result_name
from nas.study.halving import SuccessiveHalving
from nas.study.request import StudyRequest
from nas.study.results import StudyResult, WriteResult, study_result
from nas.study.settings import SIZES, StudySettings
from nas.study.trainer import TRIALS, remove_run_files
from nas.study.workers import run_with
from nas.supernet.facts import read_facts
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from nas.train.run import Task


def search_and_train(
    task: Task,
    settings: StudySettings,
    output: Output,
    /,
    *,
    write: WriteResult,
    workers: int = 1,
    storage: str | None = None,
    supernet: Path | None = None,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
    **search: Any,
) -> tuple[SearchResult, StudyResult, Path]:
    """Search, train candidates, and write a result folder.

    `search` are the arguments of `nas.optimize.search`, `storage` is the URL of an Optuna storage,
    by default an SQLite file in the folder. With `output.resume`, an interrupted run continues, a
    finished one is read, and one of more trials, epochs, finalists or seeds continues it.

    With the folder of a `supernet`, candidates are judged with its weights instead. Finalists are
    trained on for the epochs of `settings`; without any, the best keeps the weights it inherits.

        settings = StudySettings(trials=8, epochs=2)
        found = search_and_train(
            task, settings, Output(resume=True), write=write_result, budget_ms=3, workers=2
        )

    Raises:
        BudgetError, InfeasibleError: see `nas.optimize.search`.
        ResultError: the result exists already, or was started with other settings.
        StorageError: the storage cannot be opened.
        TrainingError: no network could be trained.
        UnknownNameError: a strategy, objective or proxy, with the nearest names.
    """
    from nas.train.duration import announce
    from nas.train.threads import with_threads

    inherited = supernet is not None
    recorded = _settings(task, settings, output.name, search, supernet)
    name = recorded.name
    check_not_shipped("architecture", output.out / name)
    with ResumableDir(output.out, name, recorded, resume=output.resume, force=output.force) as work:
        sizes: dict[str, Any] = {key: work.settings.sizes[key] for key in SIZES}
        settings = replace(settings, **sizes)
        if work.complete:
            on_message(work.already_complete())
        try:
            with work.open_folder() as folder:
                settings.check()
                request = StudyRequest(search, settings)
                on_progress("searching", 0.0)
                result = request.run_search()
                task = with_threads(task, result.best.arch, folder, workers)
                halving = SuccessiveHalving(
                    task,
                    folder,
                    settings.plan(task, inherited=inherited),
                    request.spec(result, task),
                    settings.trials,
                    search.get("seed", 0),
                    storage,
                    work.settings.scope(storage),
                    on_progress,
                    on_message,
                    supernet=supernet,
                )
                if not (folder / TRIALS).exists():  # of a resumed run the rest is unknown here
                    epochs = halving.plan.trained(settings.trials)
                    announce(task, result.best.arch, epochs, on_message, workers=workers)
                run_with(halving, workers)
                found = study_result(halving)
        except (BudgetError, InfeasibleError, UnknownNameError):
            work.discard()  # no run of these settings can continue
            raise
        except StorageError:  # it cannot be opened: what was begun elsewhere stays
            if not output.resume:
                work.discard()
            raise
        if not work.complete:
            write(work.folder, result, output.command, found)
            remove_run_files(work.folder, checkpoints=not settings.inherit)
            work.commit()
    return result, found, work.path


def _settings(
    task: Task,
    settings: StudySettings,
    name: str | None,
    search: Mapping[str, Any],
    supernet: Path | None,
) -> RunSettings:
    """What identifies the run; a `name` of None takes one that says what was asked for."""
    from nas.train.settings import task_parts

    parts, inputs = [*task_parts(task), *settings.name_parts()], settings.inputs(task, search)
    if supernet is None:
        name = name or result_name(search, *parts)
        return RunSettings.of("search --data", name, settings.sizes(task), inputs)
    inputs |= RunInputs({"supernet": content_hash(supernet / WEIGHTS)})
    own = {**search, "space": read_facts(supernet).space}
    name = name or result_name(own, *parts, f"supernet-{supernet.resolve().name}")
    return RunSettings.of("search --supernet", name, settings.sizes(task, inherited=True), inputs)
