"""Train the networks of trials: report each epoch to the store, and resume from checkpoints.

With a supernet, trials of no epochs have the accuracy of its weights, which trainings start from.

An error in one training fails only its trial.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import ArchError, RecipeError, SpaceError, TrainingError
from nas.files.resources import WEIGHTS
from nas.space.arch import Arch
from nas.study.owner import FOLDER as WORKERS
from nas.study.plan import JUDGED
from nas.study.record import Record
from nas.study.store import Store
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from nas.supernet.judge import Judge
    from nas.train.loop import Epoch, Training
    from nas.train.run import Task

TRIALS = "trials"
"""Folder of the checkpoints and logs of a study's trainings."""


@dataclass(frozen=True, slots=True)
class TrialAssignment:
    """A trial that this process has claimed, and how long to train it."""

    store: Store
    record: Record
    arch: Arch
    whole: int
    """Epochs of the whole schedule."""
    epochs: int
    """Epochs to train, at most `whole`."""
    final: bool = False
    """Whether this is a final training, whose weights are kept."""


@dataclass(eq=False)
class Trainer:
    """Trains networks of a task in a folder, and resumes from the checkpoints there."""

    task: Task
    folder: Path
    on_progress: OnProgress = ignore
    """Of a step and the epochs that are done."""
    on_message: OnMessage = ignore
    relatives: Callable[[], Iterable[Arch]] | None = None
    """Trained networks to inherit weights from, the nearest first; None: train from scratch."""
    judge: Judge | None = None
    """Of a supernet, whose weights trainings start from."""
    epochs: float = field(default=0, init=False)
    """Epochs that this process has trained; an evaluation counts as `JUDGED`."""

    def evaluate(self, assignment: TrialAssignment) -> float | None:
        """Top-1 of the network of a trial; None if it failed."""
        if not assignment.epochs:
            return self.inherited(assignment)
        training = self.train(assignment)
        return None if training is None else training.history[assignment.epochs - 1].val_top1

    def inherited(self, assignment: TrialAssignment) -> float | None:
        """Top-1 of a network with the supernet's weights; None if it does not suit the images."""
        from nas.modules import save_weights

        store, record, arch = assignment.store, assignment.record, assignment.arch
        assert self.judge is not None
        try:
            top1 = self.judge.judge(arch)
            if assignment.final:
                place = training_folder(self.folder, arch, record.seed)
                place.mkdir(parents=True, exist_ok=True)
                save_weights(self.judge.extract(arch), place / WEIGHTS)
        except (ArchError, SpaceError) as error:
            self._fail(assignment, error)
            return None
        store.report(record, 0, top1)
        self.epochs += JUDGED
        self.on_progress(f"{arch.name}: {top1:.1f} % with inherited weights", self.epochs)
        return top1

    def train(self, assignment: TrialAssignment) -> Training | None:
        """Train the network of a trial; None if the training failed, and with it the trial."""
        from nas.train.run import TrainingRun

        store, record, arch = assignment.store, assignment.record, assignment.arch
        place = training_folder(self.folder, arch, record.seed)

        def on_epoch(epoch: Epoch) -> None:
            store.report(record, epoch.epoch, epoch.val_top1)
            self.epochs += 1
            self.on_progress(
                f"{arch.name} epoch {epoch.epoch}: {epoch.val_top1:.1f} %", self.epochs
            )

        def on_epoch_progress(number: int, share: float, images_s: float) -> None:
            step = f"{arch.name} epoch {number}: {images_s:,.0f} images/s"
            self.on_progress(step, self.epochs + share)

        try:
            training = TrainingRun(
                self.task,
                self.task.fit(arch),
                place,
                epochs=assignment.whole,
                seed=record.seed,
                start=self._start(arch, record.seed),
                on_epoch=on_epoch,
                on_epoch_progress=on_epoch_progress,
                on_message=self.on_message,
            ).train(until=assignment.epochs)
            if assignment.final:
                save_final_weights(training, place)
        except (ArchError, RecipeError, TrainingError) as error:
            self._fail(assignment, error)
            return None
        for epoch in training.history:  # if killed between checkpoint and store
            if epoch.epoch not in record.top1s:
                store.report(record, epoch.epoch, epoch.val_top1)
        return training

    def _fail(self, assignment: TrialAssignment, error: Exception) -> None:
        """End a trial with an error."""
        if assignment.final:  # a shorter run may have left the weights that it inherits
            place = training_folder(self.folder, assignment.arch, assignment.record.seed)
            (place / WEIGHTS).unlink(missing_ok=True)
        assignment.store.fail(assignment.record, str(error))
        self.on_message(str(error))

    def _start(self, arch: Arch, seed: int) -> Callable[[Training], None] | None:
        """What gives a fresh training its weights; None leaves it as it is."""
        if self.judge is not None:
            return self.judge.start
        return self._relative(arch, seed) if self.relatives else None

    def _relative(self, arch: Arch, seed: int) -> Callable[[Training], None]:
        """Returns a function that gives a training the weights of the nearest trained network."""
        from nas.train.inherit import inherit_from, kinship
        from nas.train.run import CHECKPOINT

        def start(training: Training) -> None:
            assert self.relatives is not None
            trained = {
                other: path
                for other in self.relatives()
                if (path := training_folder(self.folder, other, seed) / CHECKPOINT).exists()
            }
            if trained:
                nearest = max(trained, key=lambda other: kinship(arch, other))
                inherit_from(training, self.task.fit(nearest), trained[nearest])

        return start


def training_folder(folder: Path, arch: Arch, seed: int) -> Path:
    """Folder of a training's checkpoint and log below that of a study or sweep."""
    return folder / TRIALS / arch.arch_id / f"seed{seed}"


def remove_run_files(folder: Path, *, checkpoints: bool = True) -> None:
    """Remove the files that only resuming a study or sweep needs."""
    from nas.train.run import CHECKPOINT

    for checkpoint in folder.glob(f"{TRIALS}/*/*/{CHECKPOINT}") if checkpoints else ():
        checkpoint.unlink()
    shutil.rmtree(folder / WORKERS, ignore_errors=True)


def save_final_weights(training: Training, folder: Path) -> None:
    """Save the weights that a training was evaluated with beside its checkpoint."""
    from nas.modules import save_weights

    save_weights(training.eval_model, folder / WEIGHTS)
