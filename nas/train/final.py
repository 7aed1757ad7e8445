"""The final training of one network: several seeds, one test, a result folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from nas.files import yaml
from nas.files.provenance import provenance
from nas.files.records import between, read_record
from nas.files.resources import BEST, TRAIN_FACTS, WEIGHTS
from nas.files.staging import ResumableDir
from nas.modules import save_weights
from nas.modules.checkpoints.weights import read_state
from nas.space.arch import Arch, read_arch
from nas.system.progress import OnMessage, OnProgress, ignore
from nas.train.distributed import rank, world
from nas.train.figures import Accuracy, accuracy
from nas.train.loop import Epoch, Training
from nas.train.run import Task, TrainingRun


@dataclass(frozen=True, slots=True)
class _Figures:
    """Keys of `train.yaml` that are read back."""

    test: Accuracy
    judged: Accuracy
    epochs: int = between(low=1, high=1e12)
    seconds: float = between(high=1e12)


@dataclass(frozen=True, slots=True)
class Final:
    """Result of a final training."""

    arch: Arch
    """As trained: with the data's classes, at the recipe's side."""
    test: Accuracy
    """On the test split."""
    validation: Accuracy
    """On the validation split, after the last epoch."""
    epochs: int
    seconds: float
    path: Path
    """The folder of the result."""
    schedules: tuple[int, ...] = ()
    """Epochs of each schedule that was followed, where a longer one continued a shorter one."""


def train_finally(
    task: Task,
    arch: Arch,
    work: ResumableDir,
    *,
    epochs: int,
    seeds: Sequence[int],
    command: Sequence[str],
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
    start: Callable[[Training], None] | None = None,
) -> Final:
    """Train with every seed in `work`, test once and make the result folder of it.

    Trainings of fewer epochs are continued. Their checkpoints stay, for still longer ones. `start`
    is that of `TrainingRun`.

    Raises:
        TrainingError: a seed diverged. Seeds before it are kept for `--resume`.
    """
    fitted = task.fit(arch)
    tests, validation, seconds = [], [], 0.0
    schedules: dict[int, None] = {}
    for seed in seeds:
        folder, steps = work.folder / f"seed{seed}", _Steps(on_progress, epochs, seeds, seed)
        training = TrainingRun(
            task,
            fitted,
            folder,
            epochs=epochs,
            seed=seed,
            on_epoch=steps.on_epoch,
            on_epoch_progress=steps.on_epoch_progress,
            on_message=on_message,
            start=start,
            events=True,
            lengthen=True,
        ).train()
        tests.append(training.evaluate(task.data.test)[1])
        validation.append(training.history[-1].val_top1)
        seconds += sum(epoch.seconds for epoch in training.history)
        if not training.follows_one_schedule:
            schedules |= dict.fromkeys(training.lengths)
        if rank() == 0:
            save_weights(training.eval_model, folder / WEIGHTS)
    final = Final(
        fitted,
        accuracy(tests, len(task.data.test.labels)),
        accuracy(validation, len(training.validation.labels)),
        epochs,
        seconds,
        work.path,
        tuple(schedules),
    )
    if rank() == 0:
        fitted.to_yaml(work.folder / BEST)  # what `nas show FOLDER` looks for
        facts = _facts(task, arch, final, seeds=seeds, command=command)
        yaml.write(work.folder / TRAIN_FACTS, facts)
        work.commit()
    return final


@dataclass(frozen=True, slots=True)
class _Steps:
    """Reports the epochs of one seed as steps of the whole run."""

    on_progress: OnProgress
    epochs: int
    seeds: Sequence[int]
    seed: int

    def on_epoch(self, epoch: Epoch) -> None:
        self._report(epoch.epoch, 1.0, f"{epoch.val_top1:.1f} % of the validation images")

    def on_epoch_progress(self, number: int, share: float, images_s: float) -> None:
        self._report(number, share, f"{images_s:,.0f} images/s")

    def _report(self, number: int, share: float, what: str) -> None:
        done = self.seeds.index(self.seed) + (number - 1 + share) / self.epochs
        which = f"seed {self.seed}, " if len(self.seeds) > 1 else ""
        step = f"{which}epoch {number}/{self.epochs}: {what}"
        self.on_progress(step, done / len(self.seeds))


def tested(task: Task, fitted: Arch, weights: Sequence[Path]) -> Accuracy:
    """The accuracy of a fitted network on the test split, over files of its weights."""
    top1s = []
    for path in weights:
        training = task.training(fitted, epochs=1, seed=0)
        training.start_from(read_state(path))
        top1s.append(training.evaluate(task.data.test)[1])
    return accuracy(top1s, len(task.data.test.labels))


def read_final(folder: Path) -> Final:
    """Read the folder of a finished training.

    Raises:
        DocumentError: it is damaged.
    """
    path = folder / TRAIN_FACTS
    figures = read_record(_Figures, yaml.read(path), str(path), closed=False)
    arch = read_arch(folder / BEST)
    return Final(arch, figures.test, figures.judged, figures.epochs, figures.seconds, folder)


def _facts(
    task: Task,
    arch: Arch,
    final: Final,
    *,
    seeds: Sequence[int],
    command: Sequence[str],
) -> dict[str, Any]:
    """Contents of `train.yaml`."""
    setting, batch = task.setting, task.recipe.batch // world()
    images = setting.images_per_pass(final.arch, batch)
    whole = images == batch
    return provenance(command, "torch", "torchvision") | {
        "arch": {"name": arch.name, "arch_id": arch.arch_id, "trained_id": final.arch.arch_id},
        "data": task.data.preprocessing(final.arch.input[1]).facts(),
        "recipe": asdict(task.recipe),
        "epochs": final.epochs,
        **({"schedules": list(final.schedules)} if final.schedules else {}),
        "seeds": list(seeds),
        "trained_on": {
            "device": str(setting.device),
            "precision": setting.precision,
            "micro_batch": None if whole else images,
            "compile": setting.compile,
            "threads": torch.get_num_threads() if setting.device.type == "cpu" else None,
        },
        "test": asdict(final.test),
        "judged": asdict(final.validation),
        "seconds": round(final.seconds, 1),
    }
