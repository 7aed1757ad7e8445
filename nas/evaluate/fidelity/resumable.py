"""Resumable comparison of cheap estimators: a space and images in, a result folder out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas import library
from nas.evaluate.fidelity.estimators import estimators, sample
from nas.evaluate.fidelity.job import JOURNAL, Elsewhere, Fidelity
from nas.evaluate.fidelity.ranking import Ranking, facts_of, write_fidelity
from nas.evaluate.proxy_names import check_proxies
from nas.files.output import Output, name_parts
from nas.files.resources import SURROGATE
from nas.files.settings import RunInputs, RunSettings
from nas.files.staging import ResumableDir
from nas.space.space import Space
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from nas.accuracy import Surrogate
    from nas.train.run import Task

Connect = Callable[[], AbstractContextManager[Elsewhere | None]]
"""Connects to other machines, as `nas.study.ray.pool.scores_at` does."""
NAMED = ("networks", "most_mmacs", "zero_cost", "long", "epochs", "seed")
"""Settings that are part of a result's name unless they are the default."""


@dataclass(frozen=True, slots=True)
class FidelitySettings:
    """The sample of networks, and the estimators that are compared."""

    space: Space
    surrogate: Surrogate
    networks: int = 30
    """Networks of the sample."""
    most_mmacs: float = 1000
    """Largest network of the sample, in millions of MACs."""
    zero_cost: Sequence[str] = ("naswot", "synflow", "zico", "zen")
    long: int = 20
    """Epochs of the training that estimators are compared with."""
    epochs: Sequence[int] = (1, 2, 5, 10)
    """Epochs of the short trainings."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class FidelityResult:
    """Every estimator's ranking, the long training's first, and where it is written."""

    rankings: Sequence[Ranking]
    facts: Mapping[str, object]
    path: Path


def result_name(settings: FidelitySettings, *training: str, images: int | None = None) -> str:
    """Name of a comparison that says what was asked for; `training`: data, recipe and such."""
    defaults = {own.name: own.default for own in fields(FidelitySettings) if own.name in NAMED}
    found = {key: _fixed(getattr(settings, key)) for key in defaults}
    found |= {"surrogate": settings.surrogate.name, "images": images}
    parts = name_parts(found, {**defaults, "surrogate": SURROGATE, "images": None})
    return "-".join(["fidelity", settings.space.name, *training, *parts])


def _fixed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def compare_estimators(
    settings: FidelitySettings,
    task: Task,
    output: Output,
    *,
    workers: int = 1,
    connect: Connect = nullcontext,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> FidelityResult:
    """Train a sample of networks for long, and rank it by every cheaper estimator.

    If `connect` yields a function, it scores networks in place of `workers` processes of this
    machine. With `output.resume`, an interrupted run continues after its last score.

        settings = FidelitySettings(space, surrogate, networks=10, long=5, epochs=(1, 2))
        result = compare_estimators(settings, task, Output(resume=True), workers=2)

    Raises:
        RecipeError: a training has no epoch.
        ResultError: the result exists already, or was started with other settings.
        TrainingError: the space has too few networks that small.
        UnknownNameError: a proxy, with the nearest names.
    """
    from nas.train.duration import announce
    from nas.train.settings import inputs, task_parts
    from nas.train.threads import with_threads

    check_proxies(settings.zero_cost)
    compared = estimators(settings.epochs, settings.long, settings.zero_cost)
    space, surrogate, seed = settings.space, settings.surrogate, settings.seed
    contents = {"space": space.space_hash, "surrogate": surrogate.content_hash}
    values: dict[str, object] = {"judges": [estimator.name for estimator in compared]}
    values |= {key: getattr(settings, key) for key in ("long", "most_mmacs", "seed", "networks")}
    training = task_parts(task, recipe="")
    name = output.name or result_name(settings, *training, images=task.images)
    recorded = RunSettings.of("fidelity", name, {}, RunInputs(contents, values), inputs(task))
    with ResumableDir(output.out, name, recorded, resume=output.resume, force=output.force) as work:
        if work.complete:
            on_message(work.already_complete())
        known = library.archs_in(space)
        archs = sample(space, known, settings.networks, seed, settings.most_mmacs)
        with work.open_folder() as opened:
            folder = opened.absolute()  # as other processes find it
            if not work.complete:
                task = with_threads(task, archs[0], folder, workers)
            with nullcontext() if work.complete else connect() as elsewhere:
                if not (work.complete or elsewhere or (folder / JOURNAL).exists()):
                    each = sum(one.epochs * one.share * one.side**2 for one in compared)
                    announce(task, archs[0], round(len(archs) * each), on_message, workers=workers)
                job = Fidelity(
                    task, archs, folder, surrogate, seed, workers, on_progress, elsewhere
                )
                rankings = job.run(compared)
        facts = facts_of(task, output.command, long=settings.long, seed=seed)
        if not work.complete:
            write_fidelity(work.folder, rankings, archs, facts)
            work.commit()
    return FidelityResult(rankings, facts, work.path)
