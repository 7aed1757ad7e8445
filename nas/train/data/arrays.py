"""Data sets from arrays of pixels and labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from nas.errors import DataError
from nas.train.data.base import DataSet
from nas.train.data.fingerprint import fingerprint, of_arrays
from nas.train.data.held import Held, statistics
from nas.train.data.split import set_aside

MOST_CLASSES = 2**20


def held(pixels: object, labels: object, where: str) -> Held:
    """Pixels (n, H, W) or (n, H, W, 1 or 3) uint8 and labels (n,), checked.

    Raises:
        DataError: naming `where` and what is wrong.
    """
    images, numbers = np.asarray(pixels), np.asarray(labels)
    if images.dtype != np.uint8:
        raise DataError(f"{where}: expected images as uint8, found {images.dtype}")
    images = images[..., None] if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise DataError(f"{where}: expected images (n, H, W) or (n, H, W, 3), found {images.shape}")
    if numbers.dtype.kind not in "iu" or numbers.shape != images.shape[:1]:
        raise DataError(
            f"{where}: expected {len(images)} whole numbers as labels,"
            f" found {numbers.dtype} {numbers.shape}"
        )
    low, high = int(numbers.min()), int(numbers.max())
    if not 0 <= low <= high < MOST_CLASSES:
        raise DataError(
            f"{where}: its labels are {low} to {high}, expected 0 to the number of classes less 1"
        )
    contiguous = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return Held(torch.from_numpy(contiguous), torch.from_numpy(numbers.astype(np.int64)))


def data_set(
    name: str,
    classes: Sequence[str],
    train: Held,
    test: Held | None,
    source: str,
    *,
    mirrored: bool = True,
    share: float | None = None,
) -> DataSet:
    """From held splits; without a test split, a share of every class becomes it."""
    mean, sd = statistics(train)
    whole = DataSet(
        name,
        tuple(classes),
        train,
        test or train,
        min(train.pixels.shape[-2:]),
        source,
        fingerprint(classes, [of_arrays(split) for split in (train, test) if split]),
        mirrored,
        mean=mean,
        sd=sd,
    )
    return whole if test is not None else set_aside(whole, share)
