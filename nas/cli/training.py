"""Options and objects that every command shares which trains networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nas.train.run import Task

Data = Annotated[
    str,
    typer.Option(
        "--data",
        help="fashion-mnist, cifar10, cifar100, imagenette, imagenet, digits, an .npz, or a folder"
        " with train/ and val/.",
    ),
]
DataRoot = Annotated[
    Path | None,
    typer.Option("--data-root", help="Where data sets lie [default: $NAS_DATA or ~/.cache/nas]."),
]
Download = Annotated[bool, typer.Option("--download", help="Fetch a named data set.")]
Recipe = Annotated[str, typer.Option("--recipe", help="See: nas list recipes; or a YAML file.")]
Batch = Annotated[
    int | None,
    typer.Option("--batch", min=2, help="Images per step; the learning rate follows."),
]
MicroBatch = Annotated[
    int,
    typer.Option("--micro-batch", min=0, help="Images at a time, of a batch; 0: all of it."),
]
On = Annotated[str, typer.Option("--on", help="Train on: auto, cpu, cuda, cuda:1 or mps.")]
Precision = Annotated[
    str, typer.Option("--precision", help="auto, fp32, bf16 or fp16; auto is fp32 on a CPU.")
]
Compile = Annotated[bool, typer.Option("--compile", help="With torch.compile.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what was stopped.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a result of that name.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of results.")]


def listed(text: str) -> list[str]:
    """The parts of `a,b,c`; none of an empty text."""
    return [part for part in text.split(",") if part]


def task_of(
    data: str,
    recipe: str,
    *,
    root: Path | None = None,
    download: bool = False,
    batch: int | None = None,
    micro_batch: int = 0,
    on: str = "auto",
    precision: str = "auto",
    compiled: bool = False,
    all_cores: bool = False,
) -> Task:
    """What the options say networks are trained for."""
    from nas.extras import require

    require("train")
    from nas.data import load_data
    from nas.train.loop import Setting
    from nas.train.place import device_of, precision_of, use_cores
    from nas.train.recipe import check_fits, load_recipe
    from nas.train.run import Task

    wanted = load_recipe(recipe)
    if batch is not None and batch != wanted.batch:
        lr = wanted.schedule.lr * batch / wanted.batch
        wanted = replace(wanted, batch=batch, schedule=replace(wanted.schedule, lr=lr))
    if all_cores:
        use_cores()
    device = device_of(on)
    setting = Setting(device, precision_of(precision, device), micro_batch, compiled)
    task = Task(load_data(data, root=root, download=download), wanted, setting)
    check_fits(wanted, len(task.splits[0].labels))
    return task
