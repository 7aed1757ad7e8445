"""Search with and without training, as `nas search` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from nas.api.train import loaded_task
from nas.files.output import Output
from nas.files.resources import DEVICE, SPACE
from nas.optimize import EvolutionSettings, SearchResult
from nas.optimize import search as search_only
from nas.optimize.resumable import search_into
from nas.optimize.run import AnyDevice, AnySpace, AnySurrogate
from nas.report.folders.write_search import write_result
from nas.study.settings import StudySettings
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from nas.study.results import StudyResult
    from nas.train.run import Task


class SearchOptions(TypedDict, total=False):
    """Further arguments of `nas.optimize.search`."""

    confidence: float | None
    max_params: float
    max_macs: float
    max_peak: float
    surrogate: AnySurrogate
    seed: int
    caution: float
    avoid: Sequence[str] | None
    settings: EvolutionSettings | None
    shortlist: int


def search(
    space: AnySpace = SPACE,
    device: AnyDevice | Sequence[AnyDevice] = DEVICE,
    *,
    budget_ms: float | Sequence[float],
    output: Output | None = None,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
    **options: Unpack[SearchOptions],
) -> SearchResult:
    """Find the network of highest bounded top-1 within `budget_ms`; a seed determines the result.

    Space, device and surrogate are names, paths or loaded objects. Several devices have one budget
    each, in the same order, or one for all. With an `output`, the result is also written as the
    folder that `nas search` writes, and `path` of the result names it; without one, nothing is.

    Options: `confidence` (least probability of meeting the budget), `max_params`, `max_macs`,
    `max_peak` (activation elements), `surrogate`, `seed`, `caution` (standard deviations that the
    objective subtracts from the estimate), `avoid` (blocks, ops and activations that no network
    may have; by default what leaves the device's accelerator, `["none"]` allows it), `settings` (of
    the evolution), `shortlist` (most networks of the result's shortlist).

        result = nas.search("mobile", "iphone12-lut", budget_ms=1.0, output=nas.Output(name="mine"))
        result.best.arch, result.path

    Raises:
        BudgetError: a budget or limit is not positive, or the confidence is not a probability.
        InfeasibleError: no network of the space meets the limits; carries the one nearest to them.
        ResultError: the result exists already, or was started with other settings.
    """
    if output is None:
        return search_only(space, device, budget_ms=budget_ms, on_progress=on_progress, **options)
    result, path = search_into(
        output,
        write=write_result,
        on_progress=on_progress,
        on_message=on_message,
        space=space,
        device=device,
        budget_ms=budget_ms,
        **options,
    )
    return replace(result, path=path)


def search_and_train(
    task: str | Path | Task,
    output: Output | None = None,
    *,
    budget_ms: float | Sequence[float],
    space: AnySpace = SPACE,
    device: AnyDevice | Sequence[AnyDevice] = DEVICE,
    study: StudySettings | None = None,
    workers: int = 1,
    storage: str | None = None,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
    **options: Unpack[SearchOptions],
) -> tuple[SearchResult, StudyResult]:
    """Search, train candidates on the images of `task`, and write a result folder.

    `task` is a data set or what `nas.load_task` loads; `study` says how many candidates are
    trained, and how. Budget and options are those of `nas.search`, and so is the result, whose
    `path` names the folder. `storage` is the URL of an Optuna storage, by default an SQLite file
    in the folder. With `Output(resume=True)`, an interrupted run continues, and one of more
    trials, epochs, finalists or seeds continues a finished one.

        study = nas.StudySettings(trials=8, epochs=2)
        result, trained = nas.search_and_train("digits", budget_ms=3, study=study, workers=2)
        trained.trials[0].candidate.arch, trained.accuracy, result.path

    Raises:
        BudgetError, InfeasibleError: see `nas.search`.
        ResultError: the result exists already, or was started with other settings.
        StorageError: the storage cannot be opened.
        TrainingError: no network could be trained.
        UnknownNameError: a strategy, objective or proxy, with the nearest names.
    """
    loaded = loaded_task(task, on_progress, on_message)
    from nas.study.resumable import search_and_train

    result, found, path = search_and_train(
        loaded,
        study or StudySettings(),
        output or Output(),
        write=write_result,
        workers=workers,
        storage=storage,
        on_progress=on_progress,
        on_message=on_message,
        budget_ms=budget_ms,
        space=space,
        device=device,
        **options,
    )
    return replace(result, path=path), found
