"""`nas train`: train and test one network."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from nas.cli.options import ArchName, Json, OutputOptions, Seed, gathered
from nas.cli.progress import RESUME, show_progress
from nas.cli.streams import say
from nas.cli.training import FIRST_PROCESS, Data, Epochs, Seeds, TrainingOptions
from nas.report.tables.text import count, interval, print_facts, print_json

if TYPE_CHECKING:
    from nas.train.final import Final
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
    output: OutputOptions,
    json: Json = False,
) -> None:
    """Train a network on images and test it once.

    On several GPUs: torchrun -m nas train ...

    Examples:
        nas train mobilenetv3-small --data digits --epochs 2
        nas train results/example --data cifar10 --download --seeds 3
        nas train mobilenetv3-small --data digits --epochs 50 --resume
    """
    from nas import library
    from nas.train.settings import training_parts
    from nas.train.sources import name_of

    network, recipe = library.load_arch(arch), training.check(data)
    parts = training_parts(name_of(data), recipe, seed=seed, recipe="")
    training.check_output(output, network.name, *parts)
    task = training.task(data)
    from nas.api.train import train_network

    with show_progress(shown=FIRST_PROCESS, on_interrupt=RESUME) as progress:
        final = train_network(
            network,
            task,
            output,
            epochs=epochs,
            seeds=seeds,
            seed=seed,
            on_progress=progress,
            on_message=say,
        )
    if FIRST_PROCESS:
        _print(final, task, json=json)


def _print(final: Final, task: Task, *, json: bool) -> None:
    if json:
        print_json(
            {
                "name": final.arch.name,
                "arch_id": final.arch.arch_id,
                "params": final.arch.params,
                "macs": final.arch.macs,
                "data": task.data.name,
                "recipe": task.recipe.name,
                "epochs": final.epochs,
                "test": asdict(final.test),
                "judged": asdict(final.validation),
                "seconds": final.seconds,
                "path": str(final.path),
            }
        )
        return
    test, validation = final.test, final.validation
    over = f"95 % interval over {test.seeds} seeds" if test.seeds > 1 else "95 % interval, one seed"
    trained = f"{count(final.epochs, 'epoch')} of {task.recipe.name} on {task.data.name}"
    print_facts(
        [
            ("network", f"{final.arch.name}, {final.arch.params:,} parameters"),
            ("trained", trained),
            (
                "top-1 %, test split",
                f"{interval(test.top1, test.low, test.high)} ({over}, {test.images:,} images)",
            ),
            (
                "top-1 %, held out",
                f"{interval(validation.top1, validation.low, validation.high)}"
                f" ({validation.images:,} training images)",
            ),
            ("time", f"{final.seconds:,.0f} s"),
            ("written to", str(final.path)),
        ]
    )
