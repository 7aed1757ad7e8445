"""`nas train`: one network, to the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import ARCH_HELP, Json
from nas.cli.progress import say, show_progress
from nas.cli.training import (
    Batch,
    Compile,
    Data,
    DataRoot,
    Download,
    Force,
    MicroBatch,
    On,
    Out,
    Precision,
    Recipe,
    Resume,
    task_of,
)

if TYPE_CHECKING:
    from nas.train.final import Final
    from nas.train.loop import Epoch
    from nas.train.run import Task


def train(
    arch: Annotated[str, typer.Argument(help=ARCH_HELP, show_default=False)],
    data: Data = "digits",
    recipe: Recipe = "proxy",
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="[default: the recipe's]")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Trainings; for an interval.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first one.")] = 0,
    data_root: DataRoot = None,
    download: Download = False,
    batch: Batch = None,
    micro_batch: MicroBatch = 0,
    on: On = "auto",
    precision: Precision = "auto",
    compiled: Compile = False,
    out: Out = Path("results"),
    name: Annotated[
        str | None, typer.Option("--name", help="Of the result [default: arch, data, recipe].")
    ] = None,
    resume: Resume = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Train a network on images, and test it once. Several GPUs: torchrun -m nas train ..."""
    from nas import library
    from nas.draft import Work
    from nas.train.final import train_finally
    from nas.train.place import processes, wait_for_others

    network = library.load_arch(arch)
    task = task_of(
        data,
        recipe,
        root=data_root,
        download=download,
        batch=batch,
        micro_batch=micro_batch,
        on=on,
        precision=precision,
        compiled=compiled,
    )
    task.fit(network)  # refuses before anything is begun
    name = name or f"{network.name}-{task.data.name}-{task.recipe.name}"
    epochs = epochs or task.recipe.epochs
    settings = {
        "arch": network.arch_id,
        "data": task.data.source,
        "recipe": repr(task.recipe),
        "epochs": epochs,
        "precision": task.setting.precision,
    }
    with (
        processes(task.setting.device) as rank,
        show_progress(shown=rank == 0) as progress,
    ):
        work = Work(out, name, settings, resume=resume, force=force) if rank == 0 else None
        wait_for_others()

        bar = _Bar(progress, epochs, range(seed, seed + seeds))
        final = train_finally(
            task,
            network,
            work or Work.joined(out, name),
            epochs=epochs,
            seeds=bar.seeds,
            command=["nas", *sys.argv[1:]],
            heard=bar.heard,
            watched=bar.watched,
            said=say,
        )
    if rank == 0:
        _print(final, task, out / name, epochs, json=json)


@dataclass(frozen=True, slots=True)
class _Bar:
    """What the progress bar says."""

    progress: Callable[[str, float], None]
    epochs: int
    seeds: range

    def heard(self, seed: int, epoch: Epoch) -> None:
        self._say(seed, epoch.epoch, 1.0, f"{epoch.val_top1:.1f} % of those held out")

    def watched(self, seed: int, number: int, share: float, images_s: float) -> None:
        self._say(seed, number, share, f"{images_s:,.0f} images/s")

    def _say(self, seed: int, number: int, share: float, what: str) -> None:
        before = self.seeds.index(seed) + (number - 1 + share) / self.epochs
        which = f"seed {seed}, " if len(self.seeds) > 1 else ""
        self.progress(f"{which}epoch {number}/{self.epochs}: {what}", before / len(self.seeds))


def _print(final: Final, task: Task, folder: Path, epochs: int, *, json: bool) -> None:
    from dataclasses import asdict

    from nas.report.table import interval, print_facts, print_json

    if json:
        print_json(
            {
                "name": final.arch.name,
                "arch_id": final.arch.arch_id,
                "params": final.arch.params,
                "macs": final.arch.macs,
                "data": task.data.name,
                "recipe": task.recipe.name,
                "epochs": epochs,
                "test": asdict(final.test),
                "judged": asdict(final.judged),
                "seconds": final.seconds,
                "path": str(folder),
            }
        )
        return
    test, judged = final.test, final.judged
    over = f"95 % interval over {test.seeds} seeds" if test.seeds > 1 else "95 % interval, one seed"
    print_facts(
        [
            ("network", f"{final.arch.name}, {final.arch.params:,} parameters"),
            ("trained", f"{epochs} epochs of {task.recipe.name} on {task.data.name}"),
            (
                "top-1 %, test split",
                f"{interval(test.top1, test.low, test.high)} ({over}, {test.images:,} images)",
            ),
            (
                "top-1 %, held out",
                f"{interval(judged.top1, judged.low, judged.high)}"
                f" ({judged.images:,} training images)",
            ),
            ("time", f"{final.seconds:,.0f} s"),
            ("written to", str(folder)),
        ]
    )
