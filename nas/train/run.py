"""One training to its end: splits, checkpoints, logs, and what may go wrong on the way.

A network that diverges or fills the memory ends its own training, never the run that it is part
of; where memory runs out, images are taken half as many at a time, once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from nas.errors import TrainingError
from nas.space.arch import Arch
from nas.space.retarget import for_task
from nas.system.progress import OnMessage, ignore
from nas.train.augment import normalised
from nas.train.data import DataSet
from nas.train.data.base import Split
from nas.train.distributed import is_of_memory, rank, together, world
from nas.train.log import Events, write_log
from nas.train.loop import Epoch, OnEpochProgress, Setting, Training
from nas.train.recipe import Recipe, check_fits

JUDGING_SHARE = 0.1
"""Of every class of the training split, that networks are judged on."""
SPLIT_SEED = 0
"""Of the judging images: the same for all networks and seeds."""
BATCHES = 2
"""Batches that a fresh network is scored on: ZiCo takes two, other proxies read the first."""
SCORED = 64
"""Images of a batch that zero-cost proxies see."""
CHECKPOINT = "checkpoint.pt"

OnEpoch = Callable[[Epoch], None]


@dataclass(frozen=True)
class Task:
    """What networks are trained for: the same data, recipe and place for all."""

    data: DataSet
    recipe: Recipe
    setting: Setting = Setting()
    images: int | None = None
    """To train on, at most; the judging images stay the same."""

    def fit(self, arch: Arch) -> Arch:
        """The network for these classes and the side of image that the recipe wants."""
        side = self.recipe.for_images(arch.input[1], self.data.side)
        return for_task(arch, classes=len(self.data.classes), side=side)

    @cached_property
    def splits(self) -> tuple[Split, Split]:
        """What networks are trained and judged on: no test images."""
        train, judging = self.data.held_out(JUDGING_SHARE, SPLIT_SEED)
        train = _some(train, self.images or len(train.labels))
        return train.to(self.setting.device), judging.to(self.setting.device)

    @property
    def judging_images(self) -> int:
        """Training images that networks are judged on."""
        return len(self.splits[1].labels)

    def batches(self, side: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
        """`BATCHES` batches that score a fresh network: whole images, normalised, and labels."""
        order = torch.randperm(
            len(self.splits[0].labels), generator=torch.Generator().manual_seed(seed)
        )
        plan = [(part, side) for part in torch.split(order, SCORED)[:BATCHES]]
        batches = self.splits[0].batches(plan)
        return [(normalised(images, self.data), labels) for images, labels in batches]

    def training(self, arch: Arch, *, epochs: int, seed: int, share: float = 1.0) -> Training:
        """A training of a network that fits, from the start; on a share of the images.

        Raises:
            RecipeError: a batch is larger than the data.
        """
        train, judging = self.splits
        train = _some(train, round(share * len(train.labels)))
        check_fits(self.recipe, len(train.labels))
        return Training(arch, self.data, train, judging, self.recipe, epochs, seed, self.setting)


def _some(split: Split, n: int) -> Split:
    """So many random images of a split, always the same."""
    if n >= len(split.labels):
        return split
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    return split.take(torch.randperm(len(split.labels), generator=generator)[:n])


def train(
    task: Task,
    arch: Arch,
    folder: Path,
    *,
    epochs: int,
    until: int | None = None,
    seed: int = 0,
    start: Callable[[Training], None] | None = None,
    on_epoch: OnEpoch = ignore,
    on_epoch_progress: OnEpochProgress = ignore,
    on_message: OnMessage = ignore,
    events: bool = False,
    lengthen: bool = False,
) -> Training:
    """Train a network for `epochs`, or the first `until` of them; see `trained`."""
    wanted = min(until or epochs, epochs)
    course = trained(
        task,
        arch,
        folder,
        epochs=epochs,
        seed=seed,
        start=start,
        on_epoch=on_epoch,
        on_epoch_progress=on_epoch_progress,
        on_message=on_message,
        events=events,
        lengthen=lengthen,
    )
    with closing(course):
        return next(training for training in course if len(training.history) >= wanted)


def trained(
    task: Task,
    arch: Arch,
    folder: Path,
    *,
    epochs: int,
    seed: int = 0,
    start: Callable[[Training], None] | None = None,
    on_epoch: OnEpoch = ignore,
    on_epoch_progress: OnEpochProgress = ignore,
    on_message: OnMessage = ignore,
    events: bool = False,
    lengthen: bool = False,
) -> Generator[Training, None, None]:
    """A training as it is found in `folder`, if it is, and after each epoch that it goes on.

    The checkpoint in `folder` is replaced after each epoch. `start` may change the fresh weights.
    `on_epoch` is called after every epoch, `on_epoch_progress` within one. What was trained for
    fewer epochs, at other learning rates, starts again; with `lengthen` it goes on, at those of
    `epochs`.

    Raises:
        TrainingError: it diverged, or the memory is too small for half a batch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for halved in (False, True):
        try:
            with together():
                path = folder / CHECKPOINT
                training = _left(task, arch, path, epochs, seed, lengthen=lengthen)
                training.on_epoch_progress = on_epoch_progress
                if not training.history and start is not None:
                    start(training)
            if training.history:
                if not training.done and not training.one_course:
                    on_message(_lengthened(training))
                yield training
            yield from _run(training, folder, epochs, on_epoch, events=events)
            return
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if isinstance(error, TrainingError) or not is_of_memory(error):
                raise
            before = task.setting.micro_batch or task.recipe.batch // world()
            size = before // 2
            if halved or size < 2:
                raise TrainingError(
                    f"{arch.name}: out of memory with {before} images at a time"
                ) from None
            if rank() == 0:
                on_message(f"{arch.name}: out of memory; going on with {size} images at a time")
            task = replace(task, setting=replace(task.setting, micro_batch=size))
        torch.cuda.empty_cache()
    raise AssertionError("the second try returns or raises")


def _left(
    task: Task, arch: Arch, path: Path, epochs: int, seed: int, *, lengthen: bool
) -> Training:
    """A training as its checkpoint left it, or from the start."""
    training = task.training(arch, epochs=epochs, seed=seed)
    if path.exists():
        training.load(path)
        if not (lengthen or training.one_course):
            return task.training(arch, epochs=epochs, seed=seed)
    return training


def _lengthened(training: Training) -> str:
    before, after = len(training.history), training.epochs
    return (
        f"{training.arch.name}: epochs {before + 1} to {after} follow the learning rates of {after}"
        f" epochs, those before them of {training.lengths[-1]}; {after} epochs from the start would"
        " end elsewhere"
    )


def _run(
    training: Training, folder: Path, epochs: int, on_epoch: OnEpoch, *, events: bool
) -> Iterator[Training]:
    first = rank() == 0
    board = Events(folder) if events and first and len(training.history) < epochs else None
    try:
        while len(training.history) < epochs:
            epoch = training.run_epoch()
            with together():
                if first:
                    training.save(folder / CHECKPOINT)
                    write_log(folder, training.history)
                    on_epoch(epoch)
            if board:
                board.add(epoch)
            yield training
    finally:
        if board:
            board.close()
