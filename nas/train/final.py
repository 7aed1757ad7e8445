"""The final training of one network: several seeds, the test split once, a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from nas.files import yaml
from nas.files.provenance import provenance
from nas.files.records import between, read_record
from nas.files.resources import BEST, WEIGHTS
from nas.files.staging import ResumableDir
from nas.modules import save_weights
from nas.space.arch import Arch, read_arch
from nas.system.progress import OnMessage, ignore
from nas.train.distributed import rank
from nas.train.figures import Accuracy, accuracy
from nas.train.loop import Epoch, Training
from nas.train.run import Task, train

FACTS = "train.yaml"
OnEpoch = Callable[[int, Epoch], None]
"""Hears of a seed's epoch."""


@dataclass(frozen=True, slots=True)
class _Figures:
    """Keys of `train.yaml` that are read back."""

    test: Accuracy
    judged: Accuracy
    seconds: float = between(high=1e12)


@dataclass(frozen=True, slots=True)
class Final:
    """What a final training ended with."""

    arch: Arch
    """As trained: with the data's classes, at the recipe's side."""
    test: Accuracy
    judged: Accuracy
    """On the judging images, of the last epochs."""
    seconds: float
    schedules: tuple[int, ...] = ()
    """Epochs of each schedule that was followed, where a longer one went on from a shorter one."""


def train_finally(
    task: Task,
    arch: Arch,
    work: ResumableDir,
    *,
    epochs: int,
    seeds: Sequence[int],
    command: Sequence[str],
    on_epoch: OnEpoch = ignore,
    on_epoch_progress: Callable[[int, int, float, float], None] = ignore,
    on_message: OnMessage = ignore,
    start: Callable[[Training], None] | None = None,
) -> Final:
    """Train with every seed, test once, and write the result's folder.

    What was trained for fewer epochs goes on; the checkpoints stay, so that it can.

    `on_epoch`, `on_epoch_progress` and `start` are those of `nas.train.run.train`; the first two
    get the seed in front.

    Raises:
        TrainingError: a seed diverged; those before it are kept for --resume.
    """
    fitted = task.fit(arch)
    tests, judged, seconds = [], [], 0.0
    schedules: dict[int, None] = {}
    for seed in seeds:
        folder = work.folder / f"seed{seed}"
        training = train(
            task,
            fitted,
            folder,
            epochs=epochs,
            seed=seed,
            on_epoch=partial(on_epoch, seed),
            on_epoch_progress=partial(on_epoch_progress, seed),
            on_message=on_message,
            start=start,
            events=True,
            lengthen=True,
        )
        tests.append(training.judge(task.data.test)[1])
        judged.append(training.history[-1].val_top1)
        seconds += sum(epoch.seconds for epoch in training.history)
        if not training.one_course:
            schedules |= dict.fromkeys(training.lengths)
        if rank() == 0:
            save_weights(training.judged, folder / WEIGHTS)
    final = Final(
        fitted,
        accuracy(tests, len(task.data.test.labels)),
        accuracy(judged, len(training.judging.labels)),
        seconds,
        tuple(schedules),
    )
    if rank() == 0:
        fitted.to_yaml(work.folder / BEST)  # what `nas show FOLDER` looks for
        facts = _facts(task, arch, final, epochs=epochs, seeds=seeds, command=command)
        yaml.write(work.folder / FACTS, facts)
        work.commit()
    return final


def read_final(folder: Path) -> Final:
    """What a finished training's folder says.

    Raises:
        DocumentError: it is damaged.
    """
    path = folder / FACTS
    figures = read_record(_Figures, yaml.read(path), str(path), closed=False)
    return Final(read_arch(folder / BEST), figures.test, figures.judged, figures.seconds)


def _facts(
    task: Task,
    arch: Arch,
    final: Final,
    *,
    epochs: int,
    seeds: Sequence[int],
    command: Sequence[str],
) -> dict[str, Any]:
    """`train.yaml`."""
    setting = task.setting
    return provenance(command, "torch", "torchvision") | {
        "arch": {"name": arch.name, "arch_id": arch.arch_id, "trained_id": final.arch.arch_id},
        "data": task.data.preprocessing(final.arch.input[1]).facts(),
        "recipe": asdict(task.recipe),
        "epochs": epochs,
        **({"schedules": list(final.schedules)} if final.schedules else {}),
        "seeds": list(seeds),
        "trained_on": {
            "device": str(setting.device),
            "precision": setting.precision,
            "micro_batch": setting.micro_batch or None,
            "compile": setting.compile,
            "threads": torch.get_num_threads() if setting.device.type == "cpu" else None,
        },
        "test": asdict(final.test),
        "judged": asdict(final.judged),
        "seconds": round(final.seconds, 1),
    }
