"""The final training of one network: several seeds, the test split once, a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from nas import document
from nas.arch import Arch
from nas.build import save_weights
from nas.draft import Work
from nas.folders import BEST, WEIGHTS
from nas.provenance import provenance
from nas.train.distributed import rank
from nas.train.figures import Accuracy, accuracy
from nas.train.loop import Epoch, Training
from nas.train.run import CHECKPOINT, Task, train

Heard = Callable[[int, Epoch], None]
"""Hears of a seed's epoch."""


@dataclass(frozen=True, slots=True)
class Final:
    """What a final training ended with."""

    arch: Arch
    """As trained: with the data's classes, at the recipe's side."""
    test: Accuracy
    judged: Accuracy
    """On the judging images, of the last epochs."""
    seconds: float


def train_finally(
    task: Task,
    arch: Arch,
    work: Work,
    *,
    epochs: int,
    seeds: Sequence[int],
    command: Sequence[str],
    heard: Heard = lambda seed, epoch: None,
    watched: Callable[[int, int, float, float], None] = lambda seed, number, share, images_s: None,
    said: Callable[[str], None] = lambda note: None,
    start: Callable[[Training], None] | None = None,
) -> Final:
    """Train with every seed, test once, and write the result's folder.

    `heard` and `watched` are those of `nas.train.run.train`, with the seed in front; `start` is
    too.

    Raises:
        TrainingError: a seed diverged; those before it are kept for --resume.
    """
    fitted = task.fit(arch)
    tests, judged, seconds = [], [], 0.0
    for seed in seeds:
        folder = work.folder / f"seed{seed}"
        training = train(
            task,
            fitted,
            folder,
            epochs=epochs,
            seed=seed,
            heard=partial(heard, seed),
            watched=partial(watched, seed),
            said=said,
            start=start,
            events=True,
        )
        tests.append(training.judge(task.data.test)[1])
        judged.append(training.history[-1].val_top1)
        seconds += sum(epoch.seconds for epoch in training.history)
        if rank() == 0:
            save_weights(training.judged, folder / WEIGHTS)
    final = Final(
        fitted,
        accuracy(tests, len(task.data.test.labels)),
        accuracy(judged, len(training.judging.labels)),
        seconds,
    )
    if rank() == 0:
        fitted.to_yaml(work.folder / BEST)  # what `nas show FOLDER` looks for
        facts = _facts(task, arch, final, epochs=epochs, seeds=seeds, command=command)
        document.write(work.folder / "train.yaml", facts)
        for checkpoint in work.folder.glob(f"*/{CHECKPOINT}"):
            checkpoint.unlink()
        work.keep()
    return final


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
        "seeds": list(seeds),
        "trained_on": {
            "device": str(setting.device),
            "precision": setting.precision,
            "micro_batch": setting.micro_batch or None,
            "compile": setting.compile,
        },
        "test": asdict(final.test),
        "judged": asdict(final.judged),
        "seconds": round(final.seconds, 1),
    }
