"""Options of every command that trains networks."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_type_hints

import typer

from nas.cli import complete
from nas.cli.options import option
from nas.cli.progress import show_progress
from nas.cli.streams import say
from nas.errors import check_names
from nas.files.output import Output
from nas.files.resources import RECIPE
from nas.files.staging import ResumableDir, check_not_shipped
from nas.system.progress import ignore
from nas.train.device import DEVICES, PRECISIONS, check_device
from nas.train.sources import check_source

if TYPE_CHECKING:
    from nas.train.data import DataSet
    from nas.train.recipe import Recipe
    from nas.train.run import Task

THREADS_CHOSEN = "OMP_NUM_THREADS" in os.environ
"""Whether the user chose a number of threads; read before a command sets the variable."""
FIRST_PROCESS = os.environ.get("RANK", "0") == "0"
"""Whether this is the first of torchrun's processes, or the only one; it alone prints."""
TRAINING = "Data and training"
"""The section of help pages."""


training_option = partial(option, section=TRAINING)
_DATA = training_option(
    "--data",
    f"{', '.join(complete.DATA_SETS)}, an .npz, or a folder of CLASS folders.",
    "DATA",
    complete.DATA_SETS,
)
Data = Annotated[str, _DATA]
AnyData = Annotated[str | None, _DATA]
Epochs = Annotated[
    int | None,
    training_option(
        "--epochs", "Epochs of a full training.", "N", min=1, show_default="the recipe's"
    ),
]
Seeds = Annotated[
    int, training_option("--seeds", "Trainings per network, for an interval.", "N", min=1)
]
DataRoot = Annotated[
    Path | None,
    training_option("--data-root", "Data sets.", "DIR", show_default="$NAS_DATA or ~/.cache/nas"),
]
On = Annotated[str, training_option("--on", "auto, cpu, cuda, cuda:1 or mps.", "PLACE", DEVICES)]


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """How images are found and read. Every field is an option."""

    data_root: DataRoot = None
    download: Annotated[bool, training_option("--download", "Download a named data set.")] = False
    split: Annotated[
        float | None,
        training_option(
            "--split",
            "Share to test on, if not split.",
            "X",
            min=0.01,
            max=0.99,
            show_default="0.2",
        ),
    ] = None
    skip_damaged: Annotated[
        bool, training_option("--skip-damaged", "Leave out images that cannot be read.")
    ] = False

    def read(self, data: str) -> DataSet:
        """Load a data set with a progress bar, and say what was left out or set aside."""
        from nas.train.data import load_data

        with show_progress(shown=FIRST_PROCESS) as progress:
            return load_data(
                data,
                root=self.data_root,
                download=self.download,
                split=self.split,
                skip_damaged=self.skip_damaged,
                on_progress=progress,
                on_message=say if FIRST_PROCESS else ignore,
            )


@dataclass(frozen=True, slots=True)
class TrainingOptions(ImageOptions):
    """How networks are trained. Every field is an option."""

    recipe: Annotated[
        str,
        training_option(
            "--recipe", "Name (nas list recipes) or YAML file.", "NAME", complete.recipes
        ),
    ] = RECIPE
    batch: Annotated[
        int | None,
        training_option(
            "--batch", "Images per step.", "N", min=2, show_default="the recipe's, less for few"
        ),
    ] = None
    micro_batch: Annotated[
        int,
        training_option("--micro-batch", "Images per pass; 0: as many as have room.", "N", min=0),
    ] = 0
    on: On = "auto"
    precision: Annotated[
        str, training_option("--precision", "auto, fp32, bf16 or fp16.", "NAME", PRECISIONS)
    ] = "auto"
    compiled: Annotated[bool, training_option("--compile", "Use torch.compile.")] = False

    def check(self, data: str) -> Recipe:
        """Check all names before anything slow is imported; return the recipe."""
        from nas.train.recipe import load_recipe

        check_source(data)
        check_device(self.on)
        check_names("precision", [self.precision], PRECISIONS)
        wanted = load_recipe(self.recipe)
        return wanted if self.batch is None else wanted.with_batch(self.batch)

    def check_output(self, output: Output, *name: str) -> None:
        """Check that a run may start; `name`: parts of the name that it takes by default."""
        known = output.name is not None or self.precision == "auto"  # else the device decides
        if known and FIRST_PROCESS:
            own = output.name or "-".join(name)
            check_not_shipped("architecture", output.out / own)
            ResumableDir.check(output.out, own, resume=output.resume, force=output.force)

    def task(self, data: str, images: int | None = None) -> Task:
        """The data, recipe and device to train with; `images`: train on so many."""
        from nas.api.train import load_task

        with show_progress(shown=FIRST_PROCESS) as progress:
            return load_task(
                data,
                recipe=self.recipe,
                batch=self.batch,
                images=images,
                micro_batch=self.micro_batch,
                on=self.on,
                precision=self.precision,
                compiled=self.compiled,
                threads=None if THREADS_CHOSEN else 0,
                data_root=self.data_root,
                download=self.download,
                split=self.split,
                skip_damaged=self.skip_damaged,
                on_progress=progress,
                on_message=say if FIRST_PROCESS else ignore,
            )

    def words(self) -> list[str]:
        """These options as they are typed, without defaults and `--download`."""
        hints, found = get_type_hints(type(self), include_extras=True), list[str]()
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default and field.name != "download":
                flag = hints[field.name].__metadata__[0].default  # where Typer keeps it
                found += [flag] if value is True else [flag, str(value)]
        return found


def refuse_without_data(context: typer.Context, *names: str) -> None:
    """Refuse options that have no effect without `--data`: all of training, and these.

    Raises:
        BadParameter: one of them was given.
    """
    training = {field.name for field in fields(TrainingOptions)} | {*names}
    given = [
        own.opts[0]
        for own in context.command.params
        if own.name in training and (source := context.get_parameter_source(own.name))
        if source.name == "COMMANDLINE"
    ]
    if given:
        one = len(given) == 1
        raise typer.BadParameter(
            f"{', '.join(given)} {'needs' if one else 'need'} --data: nothing is trained without it"
        )


def listed(text: str) -> list[str]:
    """The parts of `a,b,c`; an empty text has none."""
    return [part for part in text.split(",") if part]
