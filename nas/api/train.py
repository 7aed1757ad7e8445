"""Train one network, as `nas train` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas import library
from nas.files.output import Output
from nas.files.resources import RECIPE
from nas.space.arch import Arch
from nas.system.extras import require
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from nas.train.final import Final
    from nas.train.run import Task

AnyArch = str | Path | Arch
"""A name, a path or a loaded architecture."""


def load_task(
    data: str | Path,
    *,
    recipe: str | Path = RECIPE,
    batch: int | None = None,
    images: int | None = None,
    micro_batch: int = 0,
    on: str = "auto",
    precision: str = "auto",
    compiled: bool = False,
    threads: int | None = 0,
    data_root: Path | None = None,
    download: bool = False,
    split: float | None = None,
    skip_damaged: bool = False,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> Task:
    """Load images and a recipe, and choose where to train.

    `data` is a data set's name, an `.npz` or a folder; `recipe` a name or a YAML file. The learning
    rate follows another `batch`, which by default is smaller where images are few. `images` is the
    number of training images that are used, by default all. `split` is the share to test on where
    there is no test split; `skip_damaged` leaves out images that cannot be read. `on` is `auto`,
    `cpu`, `cuda`, `cuda:1` or `mps`. CPU `threads`: 0 takes the fastest number, None that of torch.

    Raises:
        DataError: the images are not there, or cannot be trained on.
        MissingExtraError: torch is not installed.
        RecipeError: the recipe does not suit the images.
        UnknownNameError: a data set, recipe, device or precision, with the nearest names.
    """
    require("train")
    from nas.train.data import load_data
    from nas.train.device import device_of, precision_of
    from nas.train.loop import Setting
    from nas.train.recipe import check_fits, load_recipe
    from nas.train.run import Task

    wanted = load_recipe(str(recipe))
    if batch is not None:
        wanted = wanted.with_batch(batch)
    device = device_of(on)
    setting = Setting(device, precision_of(precision, device), micro_batch, compiled, threads)
    found = load_data(
        data,
        root=data_root,
        download=download,
        split=split,
        skip_damaged=skip_damaged,
        on_progress=on_progress,
        on_message=on_message,
    )
    task = Task(found, wanted, setting, images)
    if batch is None:
        return task.with_enough_steps(on_message, "; --batch chooses another")
    check_fits(task.recipe, len(task.splits[0].labels))
    return task


def train_network(
    arch: AnyArch,
    task: str | Path | Task = "digits",
    output: Output | None = None,
    *,
    epochs: int | None = None,
    seeds: int = 1,
    seed: int = 0,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> Final:
    """Train a network with one or more seeds, test it once and write a result folder.

    `arch` is a name, a path or a loaded architecture; `task` a data set or what `nas.load_task`
    loads. `epochs` defaults to the recipe's. The folder is `output`'s, by default in `results/`
    under a name that says what was asked for. With `Output(resume=True)`, an interrupted training
    continues, a finished one is read, and one of more epochs or seeds continues it.

        task = nas.load_task("digits", batch=64)
        final = nas.train_network("mobilenetv3-small", task, nas.Output(name="mine"), epochs=2)
        final.test.top1, final.path

    Raises:
        ArchError, RecipeError: the network or recipe does not suit the images.
        ResultError: the result exists already, or was started with other settings.
        TrainingError: a seed diverged. Seeds before it are kept for `resume`.
    """
    loaded = loaded_task(task, on_progress, on_message)
    from nas.train.resumable import train_network

    return train_network(
        loaded,
        loaded_arch(arch),
        output or Output(),
        epochs=epochs,
        seeds=seeds,
        seed=seed,
        on_progress=on_progress,
        on_message=on_message,
    )


def loaded_arch(arch: AnyArch) -> Arch:
    """The architecture, loaded if given by name."""
    return arch if isinstance(arch, Arch) else library.load_arch(arch)


def loaded_task(task: str | Path | Task, on_progress: OnProgress, on_message: OnMessage) -> Task:
    """The task, loaded with the default recipe if given by its data."""
    if isinstance(task, str | Path):
        return load_task(task, on_progress=on_progress, on_message=on_message)
    return task
