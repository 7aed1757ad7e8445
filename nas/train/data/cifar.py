"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): 50 000 and 10 000 colour images of 32 x 32."""

from __future__ import annotations

from pathlib import Path

from torchvision import datasets

from nas.errors import DataError
from nas.train.data.arrays import data_set, held
from nas.train.data.base import DataSet

SOURCE = "Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"


def cifar10(root: Path, download: bool) -> DataSet:
    """From torchvision's folder `cifar-10-batches-py` below `root`."""
    return _read("cifar10", datasets.CIFAR10, root, download)


def cifar100(root: Path, download: bool) -> DataSet:
    """From torchvision's folder `cifar-100-python` below `root`."""
    return _read("cifar100", datasets.CIFAR100, root, download)


def _read(name: str, kind: type[datasets.CIFAR10], root: Path, download: bool) -> DataSet:
    # the files are pickles; torchvision reads them only if their checksums are the authors'
    try:
        parts = [kind(str(root), train=train, download=download) for train in (True, False)]
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{name}: {error}; say where it is with --data-root, or --download"
        ) from None
    train, test = (held(part.data, part.targets, name) for part in parts)
    return data_set(name, parts[0].classes, train, test, f"{SOURCE}; {root}")
