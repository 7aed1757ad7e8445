"""One candidate's training as trials of a store: reported epoch by epoch, resumed, never twice.

A candidate that breaks costs only itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import ArchError, RecipeError, TrainingError
from nas.files.resources import WEIGHTS
from nas.space.arch import Arch
from nas.study.owner import FOLDER as WORKERS
from nas.study.store import Record, Store
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from nas.train.loop import Epoch, Training
    from nas.train.run import Task


@dataclass(frozen=True, slots=True)
class TrialAssignment:
    """A trial that this process has claimed, and how far it is to be trained."""

    store: Store
    record: Record
    arch: Arch
    whole: int
    """Epochs of its schedule."""
    epochs: int
    """Of these, that it is trained."""
    final: bool = False
    """Its weights are kept."""


@dataclass(eq=False)
class Trainer:
    """Trains networks of a task in a folder; whoever trains one further finds its checkpoint."""

    task: Task
    folder: Path
    on_progress: OnProgress = ignore
    """Of a step and the epochs that are done."""
    on_message: OnMessage = ignore
    relatives: Callable[[], Iterable[Arch]] | None = None
    """Networks of whose weights the nearest one's are a start; None starts anew."""
    epochs: int = field(default=0, init=False)
    """Trained by this process."""

    def train(self, assignment: TrialAssignment) -> Training | None:
        """The training of a trial; None, and the trial failed, if it broke."""
        from nas.train.run import train

        store, record, arch = assignment.store, assignment.record, assignment.arch
        place = self.folder_of(arch, record.seed)

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
            training = train(
                self.task,
                self.task.fit(arch),
                place,
                epochs=assignment.whole,
                until=assignment.epochs,
                seed=record.seed,
                start=self._relative(arch, record.seed) if self.relatives else None,
                on_epoch=on_epoch,
                on_epoch_progress=on_epoch_progress,
                on_message=self.on_message,
            )
            if assignment.final:
                save_final_weights(training, place)
        except (ArchError, RecipeError, TrainingError) as error:
            store.fail(record, str(error))
            self.on_message(str(error))
            return None
        for epoch in training.history:  # a kill may have come between checkpoint and store
            if epoch.epoch not in record.top1s:
                store.report(record, epoch.epoch, epoch.val_top1)
        return training

    def folder_of(self, arch: Arch, seed: int) -> Path:
        """Where an architecture's training of a seed has its checkpoint and log."""
        return training_folder(self.folder, arch, seed)

    def _relative(self, arch: Arch, seed: int) -> Callable[[Training], None]:
        """Gives a training the weights of the nearest candidate that has some."""
        from nas.train.inherit import inherit_from, kinship
        from nas.train.run import CHECKPOINT

        def start(training: Training) -> None:
            assert self.relatives is not None
            trained = {
                other: path
                for other in self.relatives()
                if (path := self.folder_of(other, seed) / CHECKPOINT).exists()
            }
            if trained:
                nearest = max(trained, key=lambda other: kinship(arch, other))
                inherit_from(training, self.task.fit(nearest), trained[nearest])

        return start


def training_folder(folder: Path, arch: Arch, seed: int) -> Path:
    """Below the folder of a study or sweep, that of one training."""
    return folder / "trials" / arch.arch_id / f"seed{seed}"


def remove_run_files(folder: Path, *, checkpoints: bool = True) -> None:
    """Remove what only going on with a study or sweep needs; perhaps not the checkpoints."""
    from nas.train.run import CHECKPOINT

    for checkpoint in folder.glob(f"trials/*/*/{CHECKPOINT}") if checkpoints else ():
        checkpoint.unlink()
    shutil.rmtree(folder / WORKERS, ignore_errors=True)


def save_final_weights(training: Training, folder: Path) -> None:
    """The weights that a training is judged by, beside its checkpoint."""
    from nas.modules import save_weights

    save_weights(training.judged, folder / WEIGHTS)
