"""An `.npz` of `images` and `labels`, and perhaps `test_images`, `test_labels` and `classes`."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from nas.errors import DataError, UnknownNameError, first_line
from nas.train.data.arrays import data_set, held
from nas.train.data.base import DataSet
from nas.train.data.split import note_of_split, refuse_split

KEYS = ("images", "labels", "test_images", "test_labels", "classes")
MEMORY_SHARE = 1 / 2
"""Of this machine's, that the arrays may fill: they are copied once."""
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npz(path: Path, *, split: float | None = None) -> DataSet:
    """Read it without unpickling anything; `split` is the share of a test split that it lacks.

    Raises:
        DataError: naming the array that is missing or wrong.
    """
    arrays = _arrays(path)
    for name in ("images", "labels"):
        if name not in arrays:
            raise DataError(f"{path}: array {name!r} is missing")
    if ("test_images" in arrays) != ("test_labels" in arrays):
        raise DataError(f"{path}: expected test_images and test_labels, found one of them")
    train = held(arrays["images"], arrays["labels"], f"{path} (images)")
    tests = None
    if "test_images" in arrays:
        refuse_split(str(path), split)
        tests = held(arrays["test_images"], arrays["test_labels"], f"{path} (test_images)")
        if tests.pixels.shape[1:] != train.pixels.shape[1:]:
            raise DataError(f"{path}: images and test_images differ in their size")
    found = arrays.get("classes")
    names = _numbered(arrays["labels"], path) if found is None else _names(found, path)
    data = data_set(path.stem, names, train, tests, str(path), share=split)
    notes = () if tests else (note_of_split(data, split, "there are no test_images"),)
    return replace(data, notes=notes)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays, once their names and sizes are seen to be sensible."""
    try:
        with np.load(path, allow_pickle=False) as file:
            for name in file.files:
                if name not in KEYS:
                    raise UnknownNameError("array", name, KEYS, str(path))
            _check_sizes(file.zip, path)
            return {name: np.asarray(file[name]) for name in file.files}
    except (DataError, UnknownNameError):
        raise
    except Exception as error:  # a damaged file makes the readers raise nearly anything
        raise DataError(f"{path}: no arrays that can be read: {first_line(error)}") from None


def _check_sizes(archive: ZipFile, path: Path) -> None:
    """Refuse what would fill the memory, before it does."""
    total = 0
    for member in archive.infolist():
        declared = _declared(archive, member)
        if declared > member.file_size:
            raise DataError(
                f"{path} ({member.filename}): declares {declared:,} bytes, holds"
                f" {member.file_size:,}"
            )
        total += member.file_size
    most = int(MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    if total > most:
        raise DataError(
            f"{path}: its arrays take {total / 1e9:,.1f} GB, expected {most / 1e9:,.1f} GB at most,"
            " half of this machine's memory; make it a folder of image files, which is streamed"
        )


def _declared(archive: ZipFile, member: ZipInfo) -> int:
    """Bytes of an array by its header."""
    with archive.open(member) as file:
        shape, _, dtype = HEADERS[npy.read_magic(file)](file)
    return prod(shape) * dtype.itemsize


def _numbered(labels: NDArray[Any], path: Path) -> list[str]:
    """Names for the classes 0 to n - 1, which must all be there."""
    found = np.unique(labels)
    if len(gaps := np.flatnonzero(found != np.arange(len(found)))):
        raise DataError(
            f"{path}: labels: expected 0 to {len(found) - 1} without a gap, found {found[gaps[0]]};"
            " number the classes from 0, or add an array `classes` with a name for each"
        )
    return [str(label) for label in range(len(found))]


def _names(classes: NDArray[Any], path: Path) -> list[str]:
    if classes.ndim != 1 or classes.dtype.kind not in "USiu":
        raise DataError(
            f"{path}: classes: expected a list of names, found {classes.dtype} {classes.shape}"
        )
    if classes.dtype.kind == "S":
        classes = np.char.decode(classes, "utf-8")
    names = [str(name) for name in classes]
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise DataError(f"{path}: classes: {twice[0]!r} is there {names.count(twice[0])} times")
    return names
