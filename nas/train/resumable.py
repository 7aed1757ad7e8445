"""A training as a resumable run: a network and images in, a result folder out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from nas.files.output import Output
from nas.files.settings import RunInputs, RunSettings
from nas.files.staging import ResumableDir, check_not_shipped
from nas.space.arch import Arch
from nas.system.progress import OnMessage, OnProgress, ignore
from nas.train.distributed import processes, rank, wait_for_others
from nas.train.duration import announce
from nas.train.final import Final, read_final, train_finally
from nas.train.run import CHECKPOINT, Task
from nas.train.settings import inputs, task_parts
from nas.train.threads import with_threads


def train_network(
    task: Task,
    arch: Arch,
    output: Output,
    *,
    epochs: int | None = None,
    seeds: int = 1,
    seed: int = 0,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> Final:
    """Train a network with seeds `seed`, `seed` + 1, ..., test it once and write a result folder.

    With `output.resume`, an interrupted run continues from its last epoch, a finished one is read,
    and a run of more epochs or seeds continues the finished one. `epochs` defaults to the recipe's.
    Under torchrun, every process calls it and gets the result; the first one writes.

        task = Task(load_data("digits"), load_recipe("proxy"))
        final = train_network(task, load_arch("mobilenetv3-small"), Output(resume=True), epochs=2)

    Raises:
        ArchError, RecipeError: the network or recipe does not suit the images.
        ResultError: the result exists already, or was started with other settings.
        TrainingError: a seed diverged. Seeds before it are kept for `resume`.
    """
    task.fit(arch)  # errors come before anything is written
    name = output.name or "-".join([arch.name, *task_parts(task, seed, recipe="")])
    check_not_shipped("architecture", output.out / name)
    known = RunInputs({"architecture": arch.arch_id}, {"seed": seed}) | inputs(task)
    sizes = {"epochs": epochs or task.recipe.epochs, "seeds": seeds}
    settings = RunSettings.of("train", name, sizes, known)
    with folder_of_all(task, output, name, settings) as work:
        if work.complete:
            if rank() == 0:
                on_message(work.already_complete())
            return read_final(work.path)
        task = with_threads(task, arch, work.folder)
        epochs, seeds = (work.settings.sizes[size] for size in ("epochs", "seeds"))
        if not any(work.folder.rglob(CHECKPOINT)):
            announce(task, arch, epochs * seeds, on_message)
        return train_finally(
            task,
            arch,
            work,
            epochs=epochs,
            seeds=range(seed, seed + seeds),
            command=output.command,
            on_progress=on_progress,
            on_message=on_message,
        )


@contextmanager
def folder_of_all(
    task: Task, output: Output, name: str, settings: RunSettings
) -> Iterator[ResumableDir]:
    """The work folder of a run in several processes; the first one owns it.

    Raises:
        ResultError: the result exists already, or was started with other settings.
    """
    with (
        processes(task.setting.device) as number,
        ResumableDir(output.out, name, settings, resume=output.resume, force=output.force)
        if number == 0
        else nullcontext() as owned,
    ):
        wait_for_others()
        yield owned or ResumableDir.attach(output.out, name)
