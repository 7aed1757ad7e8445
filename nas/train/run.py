"""One training: splits, checkpoints, logs and errors.

If a network diverges or memory runs out, only its own training ends. Before that, a training that
is out of memory is tried once more with half as many images at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, nullcontext
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
from nas.train.log import event_writer, write_events, write_log
from nas.train.loop import Epoch, OnEpochProgress, Setting, Training
from nas.train.recipe import Recipe, check_fits, note_of_batch

VALIDATION_SHARE = 0.1
"""Share of each class of the training images that is held out for validation."""
SPLIT_SEED = 0
"""Seed of the validation split: the same for all networks and seeds."""
BATCHES = 2
"""Batches for zero-cost proxies: ZiCo uses two, the others use the first."""
SCORED = 64
"""Images per batch of zero-cost proxies."""
CHECKPOINT = "checkpoint.pt"

OnEpoch = Callable[[Epoch], None]


@dataclass(frozen=True)
class Task:
    """Data, recipe and device that networks are trained with."""

    data: DataSet
    recipe: Recipe
    setting: Setting = Setting()
    images: int | None = None
    """Most images to train on; None takes all. The validation split stays the same."""

    def fit(self, arch: Arch) -> Arch:
        """The network with a classifier for these classes, at the recipe's image side."""
        side = self.recipe.for_images(arch.input[1], self.data.side)
        return for_task(arch, classes=len(self.data.classes), side=side)

    @cached_property
    def splits(self) -> tuple[Split, Split]:
        """The training and the validation split; no test images."""
        train, validation = self.data.held_out(VALIDATION_SHARE, SPLIT_SEED)
        train = _some(train, self.images or len(train.labels))
        return train.to(self.setting.device), validation.to(self.setting.device)

    @property
    def validation_images(self) -> int:
        """Size of the validation split."""
        return len(self.splits[1].labels)

    def with_enough_steps(self, on_message: OnMessage = ignore, hint: str = "") -> Task:
        """The task with a smaller batch, if an epoch would have very few steps; `hint` ends a note.

        Raises:
            RecipeError: a batch holds more images than the data.
        """
        images = len(self.splits[0].labels)
        recipe = self.recipe.for_few(images)
        if recipe is not self.recipe:
            on_message(note_of_batch(images, self.recipe, recipe) + hint)
        check_fits(recipe, images)
        return replace(self, recipe=recipe)

    def batches(self, side: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
        """`BATCHES` batches for zero-cost proxies: normalised images (b, 3, s, s), labels."""
        order = torch.randperm(
            len(self.splits[0].labels), generator=torch.Generator().manual_seed(seed)
        )
        plan = [(part, side) for part in torch.split(order, SCORED)[:BATCHES]]
        batches = self.splits[0].batches(plan)
        return [(normalised(images, self.data), labels) for images, labels in batches]

    def training(self, arch: Arch, *, epochs: int, seed: int, share: float = 1.0) -> Training:
        """A new training of a network that fits, on a share of the images.

        Raises:
            RecipeError: a batch holds more images than the data.
        """
        train, validation = self.splits
        train = _some(train, round(share * len(train.labels)))
        check_fits(self.recipe, len(train.labels))
        return Training(arch, self.data, train, validation, self.recipe, epochs, seed, self.setting)


def _some(split: Split, n: int) -> Split:
    """A random part of `n` images of a split, always the same."""
    if n >= len(split.labels):
        return split
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    return split.take(torch.randperm(len(split.labels), generator=generator)[:n])


@dataclass(frozen=True)
class TrainingRun:
    """One training in a folder, whose checkpoint is replaced after each epoch.

    A checkpoint of fewer epochs, at other learning rates, is dropped; with `lengthen` it is
    continued at the learning rates of `epochs`.
    """

    task: Task
    arch: Arch
    folder: Path
    epochs: int
    seed: int = 0
    start: Callable[[Training], None] | None = None
    """May change the fresh weights."""
    on_epoch: OnEpoch = ignore
    on_epoch_progress: OnEpochProgress = ignore
    on_message: OnMessage = ignore
    events: bool = False
    """Whether to write TensorBoard's event files, too."""
    lengthen: bool = False

    def train(self, until: int | None = None) -> Training:
        """Train all epochs, or the first `until` of them; see `course`."""
        wanted = min(until or self.epochs, self.epochs)
        with closing(self.course()) as course:
            return next(training for training in course if len(training.history) >= wanted)

    def course(self) -> Generator[Training, None, None]:
        """Yield the training resumed from the folder, if there is one, and then after each epoch.

        Raises:
            TrainingError: the network diverged, or memory is too small for half a batch.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        task, name = self.task, self.arch.name
        for halved in (False, True):
            try:
                with together():
                    training = self._begun(task)
                if training.history:
                    yield training
                yield from self._run(training)
                return
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if isinstance(error, TrainingError) or not is_of_memory(error):
                    raise
                batch = task.recipe.batch // world()
                before = task.setting.images_per_pass(self.arch, batch)
                size = before // 2
                if halved or size < 2:
                    raise TrainingError(
                        f"{name}: out of memory with {before} images at a time"
                    ) from None
                if rank() == 0:
                    self.on_message(
                        f"{name}: out of memory; continuing with {size} images at a time"
                    )
                task = replace(task, setting=replace(task.setting, micro_batch=size))
            torch.cuda.empty_cache()
        raise AssertionError("the second try returns or raises")

    def _begun(self, task: Task) -> Training:
        """The training of the checkpoint, or a new one."""
        path = self.folder / CHECKPOINT
        training = task.training(self.arch, epochs=self.epochs, seed=self.seed)
        if path.exists():
            training.load(path)
            if not (self.lengthen or training.follows_one_schedule):
                training = task.training(self.arch, epochs=self.epochs, seed=self.seed)
        training.on_epoch_progress = self.on_epoch_progress
        if not training.history and self.start is not None:
            self.start(training)
        if training.history and not training.done and not training.follows_one_schedule:
            self.on_message(_lengthened(training))
        return training

    def _run(self, training: Training) -> Iterator[Training]:
        first = rank() == 0
        shown = self.events and first and not training.done
        with event_writer(self.folder) if shown else nullcontext() as writer:
            while not training.done:
                epoch = training.run_epoch()
                with together():
                    if first:
                        training.save(self.folder / CHECKPOINT)
                        write_log(self.folder, training.history)
                        self.on_epoch(epoch)
                if writer:
                    write_events(writer, epoch)
                yield training


def _lengthened(training: Training) -> str:
    before, after = len(training.history), training.epochs
    return (
        f"{training.arch.name}: epochs {before + 1} to {after} follow the learning rates of {after}"
        f" epochs, those before them of {training.lengths[-1]}; {after} epochs from the start would"
        " end elsewhere"
    )
