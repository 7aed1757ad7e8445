"""Images to train on: by name, from a folder or from an `.npz`. One file per source."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from nas.errors import DataError
from nas.system.progress import OnMessage, OnProgress, ignore
from nas.train.data.base import DataSet
from nas.train.data.cifar import cifar10, cifar100
from nas.train.data.digits import digits
from nas.train.data.fashion_mnist import fashion_mnist
from nas.train.data.folder import read_folder
from nas.train.data.imagenet import imagenet, imagenette
from nas.train.data.npz import read_npz
from nas.train.data.split import refuse_split
from nas.train.sources import check_source

__all__ = ["SOURCES", "DataSet", "load_data"]

#: name -> reader of a local root, that may download
ARRAYS: dict[str, Callable[[Path, bool], DataSet]] = {
    "cifar10": cifar10,
    "cifar100": cifar100,
    "digits": digits,
    "fashion-mnist": fashion_mnist,
}
#: name -> a function that finds the folder of images below a local root, and its citation
FOLDERS: dict[str, Callable[[Path, bool], tuple[Path, str]]] = {
    "imagenet": imagenet,
    "imagenette": imagenette,
}
SOURCES = (*ARRAYS, *FOLDERS)
INSTALLED = ("digits",)
"""Data sets that need no place of their own."""


def load_data(
    name: str | Path,
    *,
    root: Path | None = None,
    download: bool = False,
    split: float | None = None,
    skip_damaged: bool = False,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> DataSet:
    """A data set by name, or from an `.npz` or a folder of images.

    Named ones are looked for below `root`, and fetched there if `download`. A folder has train/ and
    val/ with a folder for each class, or only these. Where there is no test split, it is a share
    `split` of every class, a fifth by default. `skip_damaged` leaves out images that cannot be
    read. `on_progress` counts the image files that have been read, `on_message` hears the notes.

    Raises:
        DataError: it is not there, cannot be trained on, or has a test split and `split` is given.
        UnknownNameError: with the nearest names.
    """
    check_source(name)
    if str(name) in SOURCES:
        refuse_split(str(name), split)
    place = root or (_root() if name in SOURCES and name not in INSTALLED else Path())
    read = partial(read_folder, skip_damaged=skip_damaged, on_progress=on_progress)
    if str(name) in ARRAYS:
        data = ARRAYS[str(name)](place, download)
    elif str(name) in FOLDERS:
        folder, source = FOLDERS[str(name)](place, download)
        data = replace(read(folder), name=str(name), source=source)
    elif Path(name).is_file():
        data = read_npz(Path(name), split=split)
    else:
        data = read(Path(name), split=split)
    for note in data.notes:
        on_message(note)
    return data


def _root() -> Path:
    """Where named data sets are looked for, unless told: $NAS_DATA, or a folder in the home.

    Raises:
        DataError: there is no home, as of a user that a container does not know.
    """
    if told := os.environ.get("NAS_DATA"):
        return Path(told)
    try:
        return Path("~/.cache/nas").expanduser()
    except RuntimeError:
        raise DataError(
            "there is no home folder to look for data sets in; give --data-root, or set NAS_DATA"
        ) from None
