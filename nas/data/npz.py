"""An `.npz` of `images` and `labels`, and perhaps `test_images`, `test_labels` and `classes`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nas.data.arrays import data_set, held
from nas.data.base import DataSet
from nas.errors import DataError, UnknownNameError

KEYS = ("images", "labels", "test_images", "test_labels", "classes")


def read_npz(path: Path) -> DataSet:
    """Read it without unpickling anything.

    Raises:
        DataError: naming the array that is missing or wrong.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
    except Exception as error:  # a damaged file makes the readers raise nearly anything
        raise DataError(f"{path}: no arrays that can be read: {error}") from None
    for name in arrays:
        if name not in KEYS:
            raise UnknownNameError("array", name, KEYS, str(path))
    for name in ("images", "labels"):
        if name not in arrays:
            raise DataError(f"{path}: array {name!r} is missing")
    if ("test_images" in arrays) != ("test_labels" in arrays):
        raise DataError(f"{path}: expected test_images and test_labels, found one of them")
    train = held(arrays["images"], arrays["labels"], f"{path} (images)")
    tests = None
    if "test_images" in arrays:
        tests = held(arrays["test_images"], arrays["test_labels"], f"{path} (test_images)")
        if tests.pixels.shape[1:] != train.pixels.shape[1:]:
            raise DataError(f"{path}: images and test_images differ in their size")
    n = int(train.labels.max()) + 1
    names = [str(name) for name in arrays.get("classes", np.arange(n)).ravel()]
    return data_set(path.stem, names, train, tests, str(path))
