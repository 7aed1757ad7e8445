"""Finds data folders and the files in them by name.

A wheel carries `search_spaces/`, `predictors/` and `results/published/` in `nas/_data/`; a checkout
(also an editable install) has them beside `nas/`.
"""

from __future__ import annotations

import os
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Literal, NamedTuple

from nas.errors import DocumentError, UnknownNameError
from nas.files.csv import read_csv

Folder = Literal["search_spaces", "predictors", "results"]
What = Literal["architecture", "space", "device", "surrogate"]

#: what commands and functions take by default
SPACE, DEVICE, SURROGATE, RECIPE = "mobile", "iphone12-lut", "imagenet", "proxy"
#: the device of benchmarks of search strategies: it knows the ops of their spaces
BENCH_DEVICE = "pixel1-cpu"
#: lists architectures that are others at multipliers (`nas.space.scaling`)
VARIANTS = "variants.csv"
#: in a results folder: the network, its weights, and its table as trained if that differs
BEST, WEIGHTS, TRAINED = "best.yaml", "weights.safetensors", "trained.yaml"
TRAIN_FACTS, SUPERNET_FACTS = "train.yaml", "supernet.yaml"


class Entry(NamedTuple):
    """Where the files of one kind of resource are."""

    folder: Folder
    pattern: str
    """Pattern of the shipped files in that folder."""
    file: str
    """Name of the file in a folder that a user gives as a path."""


ENTRIES: dict[What, Entry] = {
    "architecture": Entry("search_spaces", "archs/*.yaml", BEST),
    "space": Entry("search_spaces", "*.yaml", "space.yaml"),
    "device": Entry("predictors", "*/device.yaml", "device.yaml"),
    "surrogate": Entry("predictors", "*/surrogate.yaml", "surrogate.yaml"),
}


def data_dir(folder: Folder) -> Path:
    """Return the installed folder, or that of the checkout."""
    package = Path(__file__).parents[1]
    shipped = package / "_data" / folder
    return shipped if shipped.is_dir() else package.parent / folder


def named(what: What) -> dict[str, Path]:
    """Return every shipped name and its file, sorted by name; variants share a file."""
    folder, pattern, _ = ENTRIES[what]
    files = data_dir(folder).glob(pattern)
    by_folder = pattern.startswith("*/")
    found = {file.parent.name if by_folder else file.stem: file for file in files}
    if what == "architecture":
        variants = data_dir(folder) / Path(pattern).with_name(VARIANTS)
        found |= {row.cells["name"]: variants for row in read_csv(variants, ("name",))}
    return dict(sorted(found.items()))


def own_devices() -> dict[str, Path]:
    """Devices in folders of the working directory, as `nas calibrate --out NAME` makes them."""
    files = sorted(Path().glob(ENTRIES["device"].pattern))
    return {str(file.parent): file for file in files}


def find(what: What, name: str | Path) -> Path:
    """Return the file of a shipped name, of a path, or in a folder.

    Raises:
        UnknownNameError: with the nearest names.
        DocumentError: `name` is a path that does not exist.
    """
    known = named(what)
    if str(name) in known:
        return known[str(name)]
    path = Path(name)
    if str(name) and exists(path):
        return path / ENTRIES[what].file if path.is_dir() else path
    if isinstance(name, Path) or os.sep in name or path.suffix == ".yaml":
        raise DocumentError(f"{name}: no such file or folder")
    raise UnknownNameError(what, name, known)


def trained_in(folder: str | Path) -> tuple[Path, Path] | None:
    """Return table and weights (first seed) of a results folder; None if nothing was trained."""
    path = Path(folder)
    tables = (path / TRAINED, path / BEST)
    weights = (*sorted(path.glob(f"seed*/{WEIGHTS}"), key=_seed), path / WEIGHTS)
    found = [next(filter(Path.is_file, files), None) for files in (tables, weights)]
    return (found[0], found[1]) if found[0] and found[1] else None


def _seed(weights: Path) -> tuple[float, str]:
    """Sort key: the number in the folder's name; names without one come last."""
    number = weights.parent.name.removeprefix("seed")
    return (int(number) if number.isdecimal() else inf), number


def exists(path: Path) -> bool:
    """Whether a path exists; False for a name that the file system refuses."""
    try:
        return path.exists()
    except OSError:  # the name is too long
        return False


def content_hash(*files: Path) -> str:
    """Return 12 hex digits over the contents of files, in this order."""
    digest = sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
