"""Where training data come from: names of data sets, folders and `.npz` files, without torch.

Commands check what they were given here before they import anything that takes seconds.
"""

from __future__ import annotations

import os
from pathlib import Path

from nas.errors import DataError, UnknownNameError

NAMES = ("fashion-mnist", "cifar10", "cifar100", "imagenette", "imagenet", "digits")
"""Data sets with a reader in `nas.train.data`."""


def check_source(source: str | Path) -> None:
    """Check that a source of training data is a known name, a folder or an `.npz` file.

    Raises:
        DataError: the path does not exist, or is another kind of file.
        UnknownNameError: with the nearest names.
    """
    path, name = Path(source), str(source)
    if name in NAMES or path.is_dir() or (path.suffix == ".npz" and path.is_file()):
        return
    if path.suffix == ".npz":
        raise DataError(f"{name}: no such file")
    if os.sep in name or path.exists():
        raise DataError(f"{name}: expected a folder of images, or an .npz file")
    raise UnknownNameError("data set", name, NAMES)


def name_of(source: str | Path) -> str:
    """The name of the data set that is read from a source."""
    if str(source) in NAMES:
        return str(source)
    path = Path(source)
    return path.stem if path.suffix == ".npz" else path.absolute().name  # of `.`, too
