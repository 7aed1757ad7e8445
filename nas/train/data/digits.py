"""Scikit-learn's digits, which come with it: 1797 grey images of 8 x 8."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nas.system.extras import require
from nas.train.data.arrays import data_set, held
from nas.train.data.base import DataSet

SOURCE = "UCI optical recognition of handwritten digits, as in scikit-learn"


def digits(root: Path, download: bool) -> DataSet:
    """Neither place nor network needed."""
    found = require("train", "sklearn.datasets").load_digits()
    pixels = np.round(found.images / found.images.max() * 255).astype(np.uint8)
    split = held(pixels, found.target.astype(np.int64), "digits")
    names = [str(name) for name in found.target_names]
    return data_set("digits", names, split, None, SOURCE, mirrored=False)
