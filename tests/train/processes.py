"""What `test_distributed` runs in each of two processes; writes what happened to RANK.json."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nas.errors import DataError, NasError
from nas.space.arch import Arch
from nas.train.data.base import WHOLE, Crop, DataSet, Plan
from nas.train.data.held import Held
from nas.train.distributed import processes, rank
from nas.train.epoch_plan import epoch_plan
from nas.train.loop import Training
from nas.train.recipe import Augment, Recipe, Regularise
from nas.train.run import Task, TrainingRun

TABLE = """
name: tiny
source: "a test"
input: [3, 32, 32]
columns: [op, k, out, act, s]
rows:
  - [conv, 3, 8, relu, 2]
  - [pool, ~, ~, ~, ~]
  - [linear, ~, 4, ~, ~]
"""
ARCH = Arch.from_yaml(TABLE)
FEW = 4
"""Images that fit in the memory of the second process."""


@dataclass(frozen=True, slots=True, eq=False)
class Damaged(Held):
    """Images of which the second process cannot read the third batch."""

    def batches(self, plan: Plan, crop: Crop = WHOLE) -> Iterator[tuple[Tensor, Tensor]]:
        for number, batch in enumerate(Held.batches(self, plan, crop)):
            if rank() == 1 and number == 2:
                raise DataError("image 7 is damaged")
            yield batch

    def take(self, index: Tensor) -> Damaged:
        return Damaged(self.pixels[index], self.labels[index])


def task(kind: type[Held] = Held) -> Task:
    """Eighty times the same image, so that only what a process draws tells batches apart."""
    pixels = (torch.arange(32 * 32) % 251).to(torch.uint8).view(1, 1, 32, 32).repeat(80, 1, 1, 1)
    split = kind(pixels, torch.arange(80) % 4)
    data = DataSet(
        "same", ("a", "b", "c", "d"), split, split, 32, "a test", "0", mean=(0.5,), sd=(0.3,)
    )
    augment = Augment(flip=True, mixup=0.4)
    recipe = Recipe("r", "a test", batch=16, augment=augment, regularise=Regularise(dropout=0.5))
    return Task(data, recipe)


def limited(training: Training, *, learning: bool, few: int = FEW) -> None:
    """The second process is out of memory with more than a few images, learning or judging."""

    def check(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if rank() == 1 and module.training == learning and len(inputs[0]) > few:
            raise torch.OutOfMemoryError("out of memory")

    training.module.register_forward_pre_hook(check)


def wrong(training: Training) -> None:
    """The second process finds a loss that is no number."""

    def spoil(module: nn.Module, _: object, output: Tensor) -> Tensor:
        return output * float("nan") if rank() == 1 and module.training else output

    training.module.register_forward_hook(spoil)


def drawn() -> dict[str, Any]:
    """The first batch as the network sees it, what dropout left of it, and the plan."""
    seen: dict[str, Any] = {}

    def first(name: str, value: Tensor) -> None:
        seen.setdefault(name, value.detach().flatten().tolist())

    training = task().training(ARCH, epochs=2, seed=3)
    training.module.register_forward_pre_hook(lambda _, inputs: first("images", inputs[0]))
    dropout = training.module.get_submodule("dropout")
    dropout.register_forward_hook(lambda _, __, output: first("kept", (output != 0).float()))
    training.run_epoch()
    torch.manual_seed(5)
    plan = epoch_plan(torch.randperm(len(training.train.labels)), training.recipe, 32)
    return seen | {"plan": [index.tolist() for index, _ in plan]}


def resumed(folder: Path) -> dict[str, Any]:
    """Weights after two epochs, and after two with a stop between them."""
    TrainingRun(task(), ARCH, folder / "whole", epochs=2).train()
    TrainingRun(task(), ARCH, folder / "parts", epochs=2).train(until=1)
    found = {}
    for name in ("whole", "parts"):
        training = TrainingRun(task(), ARCH, folder / name, epochs=2).train()
        state = training.eval_model.state_dict()
        found[name] = [tensor.flatten().tolist() for tensor in state.values()]
        found[f"{name} loss"] = training.history[-1].loss
    return found


def ended(task: Task, folder: Path, start: Callable[[Training], None] | None) -> dict[str, Any]:
    """How a training ends."""
    said: list[str] = []
    try:
        training = TrainingRun(
            task, ARCH, folder, epochs=1, start=start, on_message=said.append
        ).train()
    except NasError as error:
        return {"error": type(error).__name__, "message": str(error), "said": said}
    return {"micro_batch": training.setting.micro_batch, "said": said}


def main(folder: Path) -> None:
    """Run everything, in the same order in each process."""
    torch.set_num_threads(1)
    with processes(torch.device("cpu")):
        found = {
            "drawn": drawn(),
            "resumed": resumed(folder),
            "learning": ended(task(), folder / "a", lambda t: limited(t, learning=True)),
            "judging": ended(task(), folder / "b", lambda t: limited(t, learning=False)),
            "no memory": ended(
                replace(task(), recipe=replace(task().recipe, batch=2)),
                folder / "c",
                lambda t: limited(t, learning=True, few=0),
            ),
            "wrong": ended(task(), folder / "d", wrong),
            "damaged": ended(task(Damaged), folder / "e", None),
        }
        (folder / f"{rank()}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
