"""The training of a candidate as a Ray Tune trainable: one step is one epoch.

Its state is the training's own checkpoint in the sweep's folder, which all nodes see, so a trial
continues on any node. A failed training ends its trial with an error; a training that kills its
process several times is given up.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray import tune

from nas.errors import NasError
from nas.space.arch import Arch
from nas.study.store import ATTEMPTS
from nas.study.trainer import save_final_weights
from nas.train.device import device_of, precision_of, use_cores
from nas.train.run import Task, TrainingRun

EPOCH, TOP1, ERROR = "epoch", "top1", "broken"
"""Keys of a step's result."""
BEGUN = "begun.txt"
"""File beside a checkpoint with a line for each process that started and has not ended."""

Results = Generator[dict[str, Any], None, None]


@dataclass(frozen=True)
class WorkerContext:
    """What Ray sends to each worker once, rather than with every trial."""

    task: Task
    on: str
    precision: str
    cpus: float

    def task_here(self) -> Task:
        """The task on this worker's device and share of the cores."""
        use_cores(max(1, int(self.cpus)))
        device = device_of(self.on)
        setting = replace(
            self.task.setting, device=device, precision=precision_of(self.precision, device)
        )
        return replace(self.task, setting=setting)


class CandidateTrainable(tune.Trainable):
    """Trains the network of its config; reused for one trial after another."""

    _task: Task | None = None

    def setup(self, config: dict[str, Any], context: WorkerContext | None = None) -> None:
        if context is not None:
            self._task = context.task_here()
        self._epochs = self._run(Arch.from_yaml(config["arch"]), Path(config["place"]), config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._epochs.close()
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """The next epoch, from the checkpoint or trained now."""
        return next(self._epochs)

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Do nothing, since the training writes its own checkpoint after each epoch."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Do nothing, since the training reads its own checkpoint."""

    def cleanup(self) -> None:
        self._epochs.close()

    def _run(self, arch: Arch, place: Path, config: dict[str, Any]) -> Results:
        note = place / BEGUN
        if (died := _deaths(note)) >= ATTEMPTS:
            note.unlink()
            yield _broken(f"{arch.name}: its process died {died} times")
            return
        place.mkdir(parents=True, exist_ok=True)
        with note.open("a") as file:
            file.write(f"{_here()} {os.getpid()}\n")
        try:
            yield from self._trained(arch, place, config)
        except GeneratorExit:
            note.unlink()
            raise
        note.unlink()  # not after another exception, which ends the process

    def _trained(self, arch: Arch, place: Path, config: dict[str, Any]) -> Results:
        assert self._task is not None
        task, n_reported, epochs = self._task, 0, config["epochs"]
        whole, seed = config["whole"], config["seed"]
        try:
            run = TrainingRun(task, task.fit(arch), place, epochs=whole, seed=seed)
            with closing(run.course()) as course:
                for training in course:
                    if len(training.history) >= epochs and config["final"]:
                        save_final_weights(training, place)
                    for epoch in training.history[n_reported:epochs]:
                        n_reported = epoch.epoch
                        yield {
                            EPOCH: n_reported,
                            TOP1: epoch.val_top1,
                            "done": n_reported == epochs,
                        }
        except NasError as error:
            yield _broken(str(error))


def _broken(error: str) -> dict[str, Any]:
    return {ERROR: error, EPOCH: 0, TOP1: float("nan"), "done": True}


def _here() -> str:
    """Ids of this process's node and job."""
    context = ray.get_runtime_context()
    return f"{context.get_node_id()} {context.get_job_id()}"


def _deaths(note: Path) -> int:
    """Number of processes of this job that died with a trial on nodes that live."""
    if not note.exists():
        return 0
    job = ray.get_runtime_context().get_job_id()
    alive = {f"{node['NodeID']} {job}" for node in ray.nodes() if node["Alive"]}
    lines = note.read_text().splitlines()
    return sum(line.rpartition(" ")[0] in alive for line in lines)
