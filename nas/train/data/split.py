"""A test split for images that come without one: a share of every class, by a fixed seed.

The seed is not a training's: a network that a search found is tested on images that the search has
not seen, whatever the seeds of both are.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from nas.errors import DataError
from nas.train.data.base import DataSet

SHARE = 0.2
"""Default share of every class."""
SEED = 0
LEAST = 3
"""Images of a class: one each to train on, for validation and to test."""


def set_aside(data: DataSet, share: float | None) -> DataSet:
    """`data`, whose training split is all images, with a share of every class as test split.

    Raises:
        DataError: a class has too few images, or the share is none.
    """
    share = SHARE if share is None else share
    if not 0 < share < 1:
        raise DataError(f"{data.name}: expected a test split between 0 and 1, found {share:g}")
    images = len(data.train.labels)
    counts = torch.bincount(data.train.labels, minlength=len(data.classes))
    for name, count in zip(data.classes, counts.tolist(), strict=True):
        if 0 < count < LEAST:  # a class that no image is of takes no part
            raise DataError(
                f"{data.name}: class {name!r} has {count} image{'s' * (count > 1)}; at least"
                f" {LEAST} are needed: to train on, for validation and to test"
            )
    kept, test = data.held_out(share, SEED, at_most=images)
    part = f"{100 * share:.3g} % of every class"
    source = f"{data.source}; {part} set aside as test split (seed {SEED})"
    return replace(data, train=kept, test=test, source=source)


def note_of_split(data: DataSet, share: float | None, missing: str) -> str:
    """One line that says how many images were set aside, and why."""
    share, test = SHARE if share is None else share, len(data.test.labels)
    whole = len(data.train.labels) + test
    return (
        f"{data.name}: {missing}, so {100 * share:.3g} % of every class ({test:,} of {whole:,}"
        f" images) are the test split, chosen by seed {SEED}; --split changes the share"
    )


def refuse_split(name: str, share: float | None) -> None:
    """Refuse a share for images that come with a test split.

    Raises:
        DataError: there is a share.
    """
    if share is not None:
        raise DataError(
            f"{name} comes with a test split; --split is for a folder of CLASS folders without"
            " train/ and val/, or an .npz file without test_images"
        )
