"""Images to train on: by name, from a folder or from an `.npz`. One file per source."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from nas.data.base import DataSet
from nas.data.cifar import cifar10, cifar100
from nas.data.digits import digits
from nas.data.fashion_mnist import fashion_mnist
from nas.data.folder import read_folder
from nas.data.imagenet import imagenet, imagenette
from nas.data.npz import read_npz
from nas.errors import DataError, UnknownNameError

__all__ = ["SOURCES", "DataSet", "load_data"]

#: name -> reader of a local root, that may download
SOURCES: dict[str, Callable[[Path, bool], DataSet]] = {
    "cifar10": cifar10,
    "cifar100": cifar100,
    "digits": digits,
    "fashion-mnist": fashion_mnist,
    "imagenet": imagenet,
    "imagenette": imagenette,
}
ROOT = Path("~/.cache/nas").expanduser()
"""Where named data sets are looked for, unless told; the variable NAS_DATA says otherwise."""


def load_data(name: str | Path, *, root: Path | None = None, download: bool = False) -> DataSet:
    """A data set by name, or from an `.npz` or a folder with train/ and val/.

    Named ones are looked for below `root`, and fetched there if `download`.

    Raises:
        DataError: it is not there, or cannot be trained on.
        UnknownNameError: with the nearest names.
    """
    if str(name) in SOURCES:
        place = root or Path(os.environ.get("NAS_DATA") or ROOT)
        return SOURCES[str(name)](place, download)
    path = Path(name)
    if path.suffix == ".npz":
        return read_npz(path)
    if path.is_dir():
        return read_folder(path)
    if os.sep in str(name) or path.exists():
        raise DataError(f"{name}: expected a folder with train/ and val/, or an .npz file")
    raise UnknownNameError("data set", str(name), SOURCES)
