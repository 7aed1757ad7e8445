"""A supernet's training in a folder: checkpoints, collapses, and what is left at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nas.files import yaml
from nas.files.provenance import provenance
from nas.files.resources import SUPERNET_FACTS, WEIGHTS
from nas.files.text import read_text
from nas.modules.checkpoints.weights import save_state
from nas.space.space import Space
from nas.supernet.draw import Draws
from nas.supernet.facts import SPACE_TABLE, SupernetFacts
from nas.supernet.training import Collapse, SupernetEpoch, SupernetTraining
from nas.system.progress import OnMessage, OnProgress, ignore
from nas.train.distributed import rank, together
from nas.train.log import write_log
from nas.train.run import CHECKPOINT, Task

HALVINGS = 4
"""Collapses after which a training ends."""


@dataclass(frozen=True)
class SupernetRun:
    """One training in a folder, whose checkpoint is replaced after each epoch."""

    draws: Draws
    task: Task
    folder: Path
    epochs: int
    seed: int = 0
    divergence: str = "kl"
    on_progress: OnProgress = ignore
    on_message: OnMessage = ignore

    def train(self, until: int | None = None) -> SupernetTraining:
        """Train all epochs, or the first `until` of them.

        A collapse restores the last checkpoint, and halves the learning rate.

        Raises:
            Collapse: the training collapsed again and again.
        """
        training = self._begun()
        wanted, collapses = min(until or self.epochs, self.epochs), 0
        while len(training.history) < wanted:
            try:
                epoch = training.run_epoch()
            except Collapse as error:
                collapses += 1
                if collapses > HALVINGS:
                    raise
                rate = training.rate / 2
                training = self._begun()
                training.rate = rate
                back = f"back to epoch {len(training.history)}"
                self._say(f"{error}; {back}, at {rate:g} times the recipe's learning rate")
                continue
            with together():
                if rank() == 0:
                    training.save(self.folder / CHECKPOINT)
                    write_log(self.folder, training.history)
            self._report(epoch)
        return training

    def _begun(self) -> SupernetTraining:
        """The training of the checkpoint, or a new one."""
        training = SupernetTraining(self.draws, self.task, self.epochs, self.seed, self.divergence)
        if (path := self.folder / CHECKPOINT).exists():
            training.load(path)
        training.on_epoch_progress = self._report_steps
        return training

    def _report_steps(self, number: int, share: float, images_s: float) -> None:
        step = f"epoch {number}/{self.epochs}: {images_s:,.0f} images/s"
        self.on_progress(step, (number - 1 + share) / self.epochs)

    def _report(self, epoch: SupernetEpoch) -> None:
        top1s = f"{epoch.smallest_top1:.1f} to {epoch.largest_top1:.1f} %"
        step = f"epoch {epoch.epoch}/{self.epochs}: {top1s} of the validation images"
        self.on_progress(step, epoch.epoch / self.epochs)

    def _say(self, line: str) -> None:
        if rank() == 0:
            self.on_message(line)


def write_supernet(
    training: SupernetTraining, space: Space, folder: Path, command: Sequence[str]
) -> None:
    """Write the weights (averaged if the recipe says so), the table and `supernet.yaml`."""
    if (table := Path(space.table.origin)).is_file():
        (folder / SPACE_TABLE).write_text(read_text(table), encoding="utf-8")
    save_state(training.optimiser.averaged().tensors, folder / WEIGHTS)
    yaml.write(folder / SUPERNET_FACTS, _facts(training, space, command))


def _facts(training: SupernetTraining, space: Space, command: Sequence[str]) -> dict[str, Any]:
    draws, task, last = training.draws, training.task, training.history[-1]
    seconds = sum(epoch.seconds for epoch in training.history)
    limits: dict[str, Any] = {}
    if draws.device is not None:
        limits["device"] = {"name": draws.device.name, "hash": draws.device.content_hash}
    if draws.budget_ms is not None:
        limits["budget_ms"] = draws.budget_ms
    facts = SupernetFacts(
        space.name,
        space.space_hash,
        draws.space.space_hash,
        task.data.name,
        task.data.fingerprint,
        training.epochs,
        last.smallest_top1,
        last.largest_top1,
        round(seconds, 1),
    )
    return (
        provenance(command, "torch", "torchvision")
        | asdict(facts)
        | limits
        | {
            "recipe": asdict(task.recipe),
            "seed": training.seed,
            "divergence": training.divergence,
            "rate": training.rate,
            "weights": training.store.n_weights,
        }
    )
