"""Fashion-MNIST (arXiv:1708.07747): 60 000 and 10 000 grey images of 28 x 28, ten classes.

Debian ships it: `apt-get install dataset-fashion-mnist`.
"""

from __future__ import annotations

import gzip
import shutil
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

from torchvision.datasets import FashionMNIST

from nas.errors import DataError
from nas.train.data.arrays import data_set, held
from nas.train.data.base import DataSet

SOURCE = "Fashion-MNIST, arXiv:1708.07747"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
FILES = 4
"""Images and labels of two splits."""


def fashion_mnist(root: Path, download: bool) -> DataSet:
    """From torchvision's folder below `root`, or Debian's package; else downloaded if asked."""
    # MNIST's files beside torchvision's folder have the same names
    places = (root / "FashionMNIST" / "raw", root, DEBIAN)
    try:
        if download and not any(len(_packed(place)) == FILES for place in places):
            FashionMNIST(str(root), download=True)
        for place in places:
            if packed := _packed(place):
                return _unpacked(packed, str(place))
    except (OSError, EOFError, RuntimeError, ValueError, zlib.error) as error:
        raise DataError(f"fashion-mnist: {' '.join(str(error).split())}") from None
    raise DataError(
        f"fashion-mnist: not found in {root}; install Debian's dataset-fashion-mnist, say where"
        " it is with --data-root, or --download"
    )


def _packed(place: Path) -> list[Path]:
    return sorted(place.glob("*-ubyte.gz"))


def _unpacked(packed: list[Path], place: str) -> DataSet:
    """Torchvision reads unpacked files in a folder of its own layout."""
    with TemporaryDirectory() as folder:
        raw = Path(folder) / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        for path in packed:
            with gzip.open(path) as source, (raw / path.stem).open("wb") as target:
                shutil.copyfileobj(source, target)
        parts = {name: FashionMNIST(folder, train=name == "train") for name in ("train", "test")}
        train, test = (
            held(part.data.numpy(), part.targets.numpy(), f"{place} ({name})")
            for name, part in parts.items()
        )
    return data_set("fashion-mnist", parts["train"].classes, train, test, f"{SOURCE}; {place}")
