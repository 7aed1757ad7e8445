"""What training reads: splits of labelled images that yield batches on the device.

A split is `Held` (all pixels on the device, cropped there batch by batch) or `Streamed` (decoded
and cropped by worker processes). Both follow a plan of batches, so what is seen when follows from
the caller's random numbers alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from nas.errors import DataError
from nas.train.preprocessing import NORMALISATIONS, Preprocessing, Step

SHIFT = 1 / 8
"""Of the side, that an image is moved at most."""
IMAGENET = NORMALISATIONS["imagenet"]
TRAIN_SHARE = 0.875
"""Of a tested image's side that the network sees, as is usual on ImageNet (224 of 256)."""


@dataclass(frozen=True, slots=True)
class Crop:
    """How a training image is cut out.

    `none`: all of it, resized (the middle of a streamed one); `shift`: moved by up to an eighth of
    the side, the edge filled with black; `resized`: a random part of it, resized (arXiv:1409.4842,
    section 6).
    """

    kind: str = "none"
    least: float = 0.08
    """Of the area, for `resized`."""


WHOLE = Crop()

Plan = Sequence[tuple[Tensor, int]]
"""Batches to come: indices (b,) of images, and the side they are wanted at."""


def in_order(n: int, size: int, side: int) -> Plan:
    """All n images once, `size` at a time, the last batch what is left."""
    return [(index, side) for index in torch.split(torch.arange(n), size)]


class Split(Protocol):
    """Labelled images."""

    @property
    def labels(self) -> Tensor:
        """(n,) int64, on the CPU."""

    def take(self, index: Tensor) -> Split:
        """The images of these indices."""

    def to(self, device: torch.device) -> Split:
        """The same, yielding batches on `device`."""

    def batches(self, plan: Plan, crop: Crop = WHOLE) -> Iterator[tuple[Tensor, Tensor]]:
        """uint8 images (b, C, side, side) and labels (b,) of each batch; C is 1 or 3."""

    def steps(self, side: int) -> tuple[Step, ...]:
        """How an image is brought to side x side where nothing is random (`WHOLE`)."""


@dataclass(frozen=True, slots=True, eq=False)
class DataSet:
    """A data set. The test split is for the final figures only."""

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    side: int
    """Of its images, in pixels."""
    source: str
    """Citation, and where it was read from."""
    fingerprint: str
    """Hash of classes, images and labels, independent of their path (`data.fingerprint`)."""
    mirrored: bool = True
    """An image's mirror image is of the same class."""
    mean: tuple[float, ...] = IMAGENET.mean
    sd: tuple[float, ...] = IMAGENET.std
    """Of the channels of the training images, from 0 to 1; ImageNet's where nobody counted."""
    decoding: str = "arrays of 8 bits"
    """How a file became pixels."""
    first: tuple[Step, ...] = ()
    """What was done with every image when it was read."""
    notes: tuple[str, ...] = ()
    """What the user should know: files that were left out, images that were set aside."""

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            found = self.classes[0] if self.classes else "none"
            raise DataError(f"{self.name}: expected at least two classes, found {found!r}")
        for name, split in (("training", self.train), ("test", self.test)):
            if not len(split.labels):
                raise DataError(f"{self.name}: the {name} split is empty")
            worst = int(split.labels.max()), int(split.labels.min())
            if not 0 <= worst[1] <= worst[0] < len(self.classes):
                raise DataError(
                    f"{self.name}: labels of the {name} split are {worst[1]} to {worst[0]},"
                    f" expected 0 to {len(self.classes) - 1}"
                )

    def preprocessing(self, side: int) -> Preprocessing:
        """What a network with inputs of this side is tested with."""
        return Preprocessing(
            self.name,
            self.source,
            self.mean,
            self.sd,
            side,
            self.fingerprint,
            self.decoding,
            (*self.first, *self.test.steps(side)),
            self.classes,
        )

    def held_out(self, share: float, seed: int, *, at_most: int = 10_000) -> tuple[Split, Split]:
        """The training split without a random share of every class, and that share.

        Raises:
            DataError: a class has too few images.
        """
        labels, rng = self.train.labels.numpy(), np.random.default_rng(seed)
        share = min(share, at_most / len(labels))
        out = np.zeros(len(labels), bool)
        for label, name in enumerate(self.classes):
            own = rng.permutation(np.flatnonzero(labels == label))
            if not len(own):  # a class that no image is of takes no part
                continue
            if len(own) < 2:
                raise DataError(
                    f"{self.name}: class {name!r} has {len(own)} training image; at least 2 are"
                    " needed"
                )
            out[own[: max(1, round(share * len(own)))]] = True
        kept, judging = (torch.from_numpy(np.flatnonzero(mask)) for mask in (~out, out))
        return self.train.take(kept), self.train.take(judging)
