"""Resumable adaptation: a network and a latency budget in, a result folder out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.adapt.methods import adapt, by_importance, by_surrogate
from nas.adapt.result import Adaptation, netadapt_facts, read_facts, write_adaptation
from nas.adapt.settings import AdaptSettings
from nas.adapt.steps import remove_run_files
from nas.errors import BudgetError, InfeasibleError, RecipeError, WeightsError
from nas.files.output import Output
from nas.files.resources import BEST, WEIGHTS
from nas.files.settings import RunSettings
from nas.files.staging import ResumableDir, StagedDir, check_not_shipped, is_result_of
from nas.space.arch import Arch, read_arch
from nas.study.workers import WorkerPool
from nas.system.extras import require
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from nas.train.run import Task

Draw = Callable[[Path, Adaptation], object]
"""Draws pictures into a result folder, as `nas.report.plots.widths.save_pictures` does."""


def adapt_network(
    settings: AdaptSettings,
    output: Output,
    *,
    draw: Draw = ignore,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> Adaptation:
    """Adapt a network without images: by the surrogate, or by the importance of its channels.

    With `output.resume`, a finished result of the same settings is read.

        settings = AdaptSettings(arch, device, AdaptPlan(budget_ms=0.6), method="surrogate")
        adaptation = adapt_network(settings, Output(name="smaller", resume=True))

    Raises:
        BudgetError, InfeasibleError, MissingCostError: see `nas.adapt.methods.check`.
        ResultError: the result exists already, or is of other settings.
    """
    name = output.name or settings.name
    path, recorded = output.out / name, RunSettings.of("adapt", name, {}, settings.inputs)
    check_not_shipped("architecture", path)
    if output.resume and not output.force and is_result_of(path, recorded):
        on_message(f"{path} is complete already")
        after = read_arch(path / BEST)
        return Adaptation(settings.arch, after, settings.device, read_facts(path), path)
    with StagedDir(output.out, name, force=output.force) as draft:
        if settings.method == "knapsack":
            after, facts = _by_importance(settings, draft.folder)
            facts |= _images(settings.weights)
        else:
            after, facts = by_surrogate(settings, on_progress)
        made = Adaptation(settings.arch, after, settings.device, facts, path)
        write_adaptation(draft.folder, made, output.command)
        draw(draft.folder, made)
        recorded.write(draft.folder)
        draft.commit()
    return made


def adapt_and_train(
    settings: AdaptSettings,
    task: Task,
    output: Output,
    *,
    epochs: int | None = None,
    seeds: int = 1,
    workers: int = 1,
    address: str | None = None,
    storage: str | None = None,
    draw: Draw = ignore,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> Adaptation:
    """Adapt a network on the task's images by NetAdapt or the knapsack, then train it to the end.

    `workers` processes of this machine, or of the Ray cluster at `address`, train proposals. They
    meet in the Optuna `storage`, by default an SQLite file in the folder. `epochs` and `seeds` are
    of the training at the end. With `output.resume`, an interrupted run continues.

        settings = AdaptSettings(arch, device, AdaptPlan(budget_ms=0.6), weights=weights)
        adaptation = adapt_and_train(settings, task, Output(resume=True), workers=2)

    Raises:
        BudgetError, InfeasibleError, MissingCostError: see `nas.adapt.methods.check`.
        ResultError: the result exists already, or was started with other settings.
        TrainingError: no proposal of a step could be trained, or the network diverged.
        WeightsError: the weights are another network's.
    """
    from nas.modules.checkpoints.weights import read_state
    from nas.train.final import read_final, train_finally
    from nas.train.settings import inputs, task_parts
    from nas.train.threads import with_threads

    name = output.name or "-".join([settings.name, *task_parts(task)])
    check_not_shipped("architecture", output.out / name)
    sizes = {"epochs": epochs or task.recipe.epochs, "seeds": seeds}
    recorded = RunSettings.of("adapt --data", name, sizes, settings.inputs, inputs(task))
    with ResumableDir(output.out, name, recorded, resume=output.resume, force=output.force) as work:
        before = task.fit(settings.arch)
        if work.complete:
            on_message(work.already_complete())
            final, facts = read_final(work.path), read_facts(work.path)
            return Adaptation(before, final.arch, settings.device, facts, work.path, final=final)
        task = with_threads(task, settings.arch, work.folder, workers)
        with _worker_pool(address, storage, task) as pool:
            job = None
            try:
                if settings.method == "knapsack":
                    own = replace(settings, arch=before)
                    after, facts = _by_importance(own, work.folder, task)
                    start = work.folder / WEIGHTS
                else:
                    job = adapt(
                        settings,
                        task,
                        work.folder.absolute(),  # as other processes find it
                        workers=workers,
                        pool=pool,
                        storage=storage,
                        scope=work.settings.scope(storage),
                        on_progress=on_progress,
                        on_message=on_message,
                    )
                    facts, last = netadapt_facts(job), job.steps()[-1]
                    after, start = last.arch, last.weights
            except (BudgetError, InfeasibleError, WeightsError, RecipeError):
                work.discard()  # no run of these settings can continue
                raise
            made = Adaptation(before, after, settings.device, facts, work.path, job)
            write_adaptation(work.folder, made, output.command)
            draw(work.folder, made)
            state = read_state(start)
            final = train_finally(
                task,
                after,
                work,
                epochs=sizes["epochs"],
                seeds=range(settings.seed, settings.seed + seeds),
                command=output.command,
                on_progress=on_progress,
                on_message=on_message,
                start=lambda training: training.start_from(state),
            )
            remove_run_files(work.path)
    return replace(made, final=final)


def _worker_pool(
    address: str | None, storage: str | None, task: Task
) -> AbstractContextManager[WorkerPool | None]:
    """Processes of a cluster, if there is an address."""
    if address is None:
        return nullcontext()
    require("ray")
    from nas.study.ray.pool import ray_pool

    return ray_pool(address, storage, task)


def _by_importance(
    settings: AdaptSettings, folder: Path, task: Task | None = None
) -> tuple[Arch, dict[str, Any]]:
    """The network and its facts; the weights that are left are in the folder then."""
    from nas.modules.checkpoints.weights import save_state

    made, state, gap = by_importance(settings, task)
    save_state(state, folder / WEIGHTS, made.conventions)
    criterion = settings.plan.criterion
    return made, {"how": "knapsack", "criterion": criterion, "optimality_gap": gap}


def _images(weights: Path | None) -> dict[str, Any]:
    """How the images of a training were normalised, if its weights lie beside the facts."""
    from nas.train.preprocessing import trained_with

    known = trained_with(weights).preprocessing if weights else None
    return {"images": known.facts()} if known else {}
