"""Train a supernet, as `nas supernet` does, use one, and search with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from nas import library
from nas.api.search import SearchOptions
from nas.api.train import AnyArch, loaded_arch, loaded_task
from nas.files.output import Output
from nas.files.resources import DEVICE
from nas.latency.device import Device
from nas.optimize import SearchResult
from nas.optimize.run import AnyDevice, each_budget, each_device
from nas.report.folders.write_search import write_result
from nas.space.space import Space
from nas.study.settings import StudySettings
from nas.supernet.facts import (
    SupernetFacts,
    beyond,
    check_space,
    read_facts,
    source_of_space,
    supernet_folder,
)
from nas.system.extras import require
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from torch.fx import GraphModule

    from nas.study.results import StudyResult
    from nas.supernet.judge import Judge
    from nas.train.run import Task


class Supernet:
    """A trained supernet: evaluates every network of its space, and hands each over trained."""

    def __init__(self, path: Path, space: Space, facts: SupernetFacts, judge: Judge) -> None:
        self.path = path
        self.space = space
        self.facts = facts
        self._judge = judge

    @classmethod
    def load(
        cls,
        path: str | Path,
        task: str | Path | Task | None = None,
        *,
        space: Space | None = None,
        on_progress: OnProgress = ignore,
        on_message: OnMessage = ignore,
    ) -> Supernet:
        """Load the result folder of a supernet, or that of a name in `results/`.

        `task` is the images that it was trained on, by default by their name; `space` its space, if
        the folder has no table of it.

        Raises:
            DataError: the images are not there.
            DocumentError: the folder is no supernet's, or damaged.
            WeightsError: the weights are of another space, other classes or other images.
        """
        require("train")
        from nas.supernet.result import load_judge

        folder = supernet_folder(path)
        facts = read_facts(folder)
        own = space or library.load_space(source_of_space(folder, facts))
        check_space(folder, facts, own)
        loaded = loaded_task(task or facts.data, on_progress, on_message)
        return cls(folder, own, facts, load_judge(folder, own, loaded))

    @property
    def task(self) -> Task:
        """Its images, and the recipe and device to train on with."""
        return self._judge.task

    def __repr__(self) -> str:
        return f"<Supernet {self.path}: {self.facts.space} on {self.facts.data}>"

    def judge(self, arch: AnyArch) -> float:
        """Top-1 in percent on the validation split, without further training.

        Raises:
            ArchError, SpaceError: the network does not suit the images, or is not inside.
        """
        return self._judge.judge(loaded_arch(arch))

    def extract(self, arch: AnyArch) -> GraphModule:
        """The module of a network, with its weights and statistics of batch norms.

        Raises:
            ArchError, SpaceError: as `judge`.
        """
        return self._judge.extract(loaded_arch(arch))


def train_supernet(
    space: str | Path | Space,
    task: str | Path | Task = "digits",
    output: Output | None = None,
    *,
    device: str | Path | Device | None = None,
    budget_ms: float | None = None,
    epochs: int | None = None,
    divergence: str = "kl",
    seed: int = 0,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> Supernet:
    """Train one network that contains all networks of a space, and write a result folder.

    `space` and `device` are names, paths or loaded objects; `task` is a data set or what
    `nas.load_task` loads. With a device, no network above `budget_ms` is trained. `divergence` is
    `kl` or `alpha`. With `Output(resume=True)`, an interrupted training continues.

        supernet = nas.train_supernet("mobile32", "fashion-mnist", nas.Output(name="all"))
        supernet.judge(supernet.space.sample(rng))

    Raises:
        ArchError, RecipeError, SpaceError: the space or recipe does not suit the images.
        BudgetError: a budget without a device, or no positive number.
        InfeasibleError: no network of the space meets the budget.
        ResultError: the result exists already, or was started with other settings.
        TrainingError: the training collapsed again and again.
    """
    own = space if isinstance(space, Space) else library.load_space(space)
    on = device if device is None or isinstance(device, Device) else library.load_device(device)
    loaded = loaded_task(task, on_progress, on_message)
    from nas.supernet.resumable import SupernetPlan, train_supernet

    plan = SupernetPlan(on, budget_ms, epochs, divergence, seed)

    path, _ = train_supernet(
        own, loaded, output or Output(), plan, on_progress=on_progress, on_message=on_message
    )
    return Supernet.load(path, loaded, space=own)


def search_supernet(
    supernet: str | Path,
    output: Output | None = None,
    *,
    budget_ms: float | Sequence[float],
    device: AnyDevice | Sequence[AnyDevice] = DEVICE,
    task: str | Path | Task | None = None,
    space: Space | None = None,
    study: StudySettings | None = None,
    workers: int = 1,
    storage: str | None = None,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
    **options: Unpack[SearchOptions],
) -> tuple[SearchResult, StudyResult]:
    """Search the space of a supernet, judge candidates with its weights, and write a result folder.

    `supernet` is its folder or a name in `results/`; `task` and `space` are those of
    `Supernet.load`. Candidates are judged on the validation split of its images. With `epochs` of
    `study`, the finalists are trained on from the weights that they inherit; without, the best
    keeps them. Its accuracy is of the test split, which selected nothing. All else is as in
    `nas.search_and_train`.

        study = nas.StudySettings(trials=200)
        result, judged = nas.search_supernet("phone", budget_ms=0.5, study=study)
        judged.trials[0].candidate.arch, judged.accuracy, result.path

    Raises:
        BudgetError, InfeasibleError: see `nas.search`.
        DataError, DocumentError, WeightsError: see `Supernet.load`.
        ResultError: the result exists already, or was started with other settings.
        StorageError: the storage cannot be opened.
        UnknownNameError: a strategy, objective or proxy, with the nearest names.
    """
    loaded = Supernet.load(
        supernet, task, space=space, on_progress=on_progress, on_message=on_message
    )  # errors come first
    devices = [
        own if isinstance(own, Device) else library.load_device(own) for own in each_device(device)
    ]
    budgets = each_budget(budget_ms)
    if note := beyond(loaded.path, devices, budgets * (len(devices) if len(budgets) == 1 else 1)):
        on_message(note)
    from nas.study.resumable import search_and_train

    result, found, path = search_and_train(
        loaded.task,
        study or StudySettings(),
        output or Output(),
        write=write_result,
        workers=workers,
        storage=storage,
        supernet=loaded.path,
        on_progress=on_progress,
        on_message=on_message,
        budget_ms=budget_ms,
        space=space or source_of_space(loaded.path, loaded.facts),
        device=device,
        **options,
    )
    return replace(result, path=path), found
