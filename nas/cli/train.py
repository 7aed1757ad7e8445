"""`nas train`: one network, to the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nas.cli.options import ArchName, Json, Kept, Seed, gathered
from nas.cli.progress import RESUME, say_complete, show_progress
from nas.cli.streams import say
from nas.cli.training import Data, Epochs, Seeds, TrainingOptions

if TYPE_CHECKING:
    from nas.train.final import Final
    from nas.train.loop import Epoch
    from nas.train.run import Task


@gathered
def train(
    arch: ArchName,
    *,
    data: Data = "digits",
    epochs: Epochs = None,
    seeds: Seeds = 1,
    seed: Seed = 0,
    training: TrainingOptions,
    kept: Kept,
    json: Json = False,
) -> None:
    """Train a network on images, and test it once.

    On several GPUs: torchrun -m nas train ...

    Examples:
        nas train mobilenetv3-small --data digits --epochs 2
        nas train results/example --data cifar10 --download --seeds 3
        nas train mobilenetv3-small --data digits --epochs 50 --resume
    """
    from nas import library
    from nas.files.settings import RunInputs, RunSettings
    from nas.files.staging import ResumableDir, check_not_shipped
    from nas.train.distributed import processes, wait_for_others
    from nas.train.final import read_final, train_finally
    from nas.train.settings import inputs
    from nas.train.threads import with_threads

    network = library.load_arch(arch)
    task = training.task(data)
    task.fit(network)  # refuses before anything is begun
    name = kept.name or f"{network.name}-{task.data.name}-{task.recipe.name}"
    check_not_shipped("architecture", kept.out / name)
    known = RunInputs({"architecture": network.arch_id}, {"seed": seed}) | inputs(task)
    sizes = {"epochs": epochs or task.recipe.epochs, "seeds": seeds}
    settings = RunSettings.of("train", name, sizes, known)
    with (
        processes(task.setting.device) as rank,
        show_progress(shown=rank == 0, on_interrupt=RESUME) as progress,
        ResumableDir(kept.out, name, settings, resume=kept.resume, force=kept.force)
        if rank == 0
        else nullcontext() as owned,
    ):
        wait_for_others()
        work = owned or ResumableDir.attach(kept.out, name)
        epochs, seeds = work.settings.sizes["epochs"], work.settings.sizes["seeds"]

        bar = _Bar(progress, epochs, range(seed, seed + seeds))
        if work.complete:
            final = read_final(work.path)
        else:
            final = train_finally(
                with_threads(task, network, work.folder),
                network,
                work,
                epochs=epochs,
                seeds=bar.seeds,
                command=["nas", *sys.argv[1:]],
                on_epoch=bar.on_epoch,
                on_epoch_progress=bar.on_epoch_progress,
                on_message=say,
            )
    if rank == 0:
        if work.complete:
            say_complete(work.path, work.settings.sizes)
        _print(final, task, kept.out / name, epochs, json=json)


@dataclass(frozen=True, slots=True)
class _Bar:
    """What the progress bar says."""

    progress: Callable[[str, float], None]
    epochs: int
    seeds: range

    def on_epoch(self, seed: int, epoch: Epoch) -> None:
        self._say(seed, epoch.epoch, 1.0, f"{epoch.val_top1:.1f} % of those held out")

    def on_epoch_progress(self, seed: int, number: int, share: float, images_s: float) -> None:
        self._say(seed, number, share, f"{images_s:,.0f} images/s")

    def _say(self, seed: int, number: int, share: float, what: str) -> None:
        before = self.seeds.index(seed) + (number - 1 + share) / self.epochs
        which = f"seed {seed}, " if len(self.seeds) > 1 else ""
        self.progress(f"{which}epoch {number}/{self.epochs}: {what}", before / len(self.seeds))


def _print(final: Final, task: Task, folder: Path, epochs: int, *, json: bool) -> None:
    from dataclasses import asdict

    from nas.report.tables.text import interval, print_facts, print_json

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
