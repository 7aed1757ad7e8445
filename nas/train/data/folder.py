"""A folder of image files: train/CLASS/*.jpg and val/CLASS/*.jpg, as torchvision's ImageFolder.

CLASS/*.jpg alone is enough: then a share of every class becomes the test split.

What fits in `HELD_BYTES` is decoded once and held; larger sets are streamed from their files.
Either way every file is looked at before anything is trained, and all that are damaged are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nas.errors import DataError
from nas.system.processes import cores
from nas.system.progress import OnProgress, ignore
from nas.train.data.base import IMAGENET, DataSet, Split
from nas.train.data.fingerprint import fingerprint, of_file
from nas.train.data.held import Held, statistics
from nas.train.data.image import (
    DECODING,
    check_whole,
    read_content,
    read_image,
    square,
    upright_size,
    without_warnings,
)
from nas.train.data.listing import Files, list_images
from nas.train.data.split import note_of_split, refuse_split, set_aside
from nas.train.data.streamed import Streamed
from nas.train.preprocessing import Step

HELD_BYTES = 2_000_000_000
"""Of pixels that are held in memory."""
LARGEST = 256
"""Side that held images are kept at, at most."""
LOOKED_AT = 64
"""Files whose size tells the set's."""
AT_ONCE = 1000
"""Files that are given to the threads together."""
NAMED = 100
"""Damaged files that are named of many."""


def read_folder(
    folder: Path,
    *,
    split: float | None = None,
    skip_damaged: bool = False,
    on_progress: OnProgress = ignore,
) -> DataSet:
    """Train and test splits below `folder`; `split` is the share of a test split that it lacks.

    Raises:
        DataError: a split or class is missing, empty or differs; images are damaged, and not to be
            skipped; the folder has a test split, and `split` is given.
    """
    classes, listed, left_out = list_images(folder)
    if len(listed) > 1:
        refuse_split(str(folder), split)
    paths = [path for files in listed for path in files.paths]
    with without_warnings():
        side = _side(paths)
        held = len(paths) * 3 * side**2 <= HELD_BYTES
        readers = [_Reader(folder, files, side if held else None) for files in listed]
        hashes = [one for one in _read(readers, on_progress) if one]
    damaged = [error for reader in readers for error in reader.damaged]
    if damaged and not skip_damaged:
        raise DataError(f"{_named(damaged, folder)}; --skip-damaged leaves damaged images out")
    splits = [reader.split(classes) for reader in readers]
    data = DataSet(
        folder.absolute().name,  # of `.`, too
        classes,
        splits[0],
        splits[-1],
        side,
        f"{folder}",
        fingerprint(classes, hashes),
        decoding=DECODING,
        first=(Step("shorter_side", (side,)), Step("centre_crop", (side,))) if held else (),
    )
    notes = [left_out.note, f"{_named(damaged, folder)}; left out" if damaged else ""]
    if len(splits) == 1:
        data = set_aside(data, split)
        notes.append(note_of_split(data, split, "there is no folder val"))
    mean, sd = statistics(data.train) if isinstance(data.train, Held) else IMAGENET
    return replace(data, mean=mean, sd=sd, notes=tuple(filter(None, notes)))


def _side(paths: Sequence[Path]) -> int:
    """The median shorter side of some of the images, `LARGEST` at most."""
    some = paths[:: max(1, len(paths) // LOOKED_AT)]
    sizes = [min(size) for path in some if (size := upright_size(path))]
    return min(LARGEST, int(np.median(sizes))) if sizes else 1  # all are damaged, as is said next


class _Reader:
    """Looks at the files of one split; holds their pixels where there is a side to hold them at."""

    def __init__(self, folder: Path, files: Files, side: int | None) -> None:
        self.folder, self.files, self.side = folder, files, side or 0
        shape = (len(files.paths), self.side, self.side, 3)
        self.pixels: NDArray[np.uint8] = np.empty(shape, np.uint8)
        self._errors: dict[int, DataError] = {}

    def look(self, index: int) -> bytes | None:
        """The hash of one file; None if it is damaged."""
        path, label = self.files.paths[index], self.files.labels[index]
        try:
            content = read_content(path)
            if self.side:
                self.pixels[index] = np.asarray(square(read_image(path, content), self.side))
            else:
                check_whole(path, content)
        except DataError as error:
            self._errors[index] = error
            return None
        return of_file(path.relative_to(self.folder).as_posix(), label, content)

    @property
    def damaged(self) -> list[DataError]:
        """What is wrong with each damaged file, in their order."""
        return [self._errors[index] for index in sorted(self._errors)]

    def split(self, classes: Sequence[str]) -> Split:
        """The images that are not damaged.

        Raises:
            DataError: all images of a class are.
        """
        whole = [index for index in range(len(self.files.paths)) if index not in self._errors]
        labels = torch.tensor([self.files.labels[index] for index in whole], dtype=torch.int64)
        for label in set(self.files.labels) - set(labels.tolist()):
            raise DataError(f"{self.folder}: every image of class {classes[label]!r} is damaged")
        if not self.side:
            return Streamed([self.files.paths[index] for index in whole], labels)
        pixels = self.pixels[whole] if self._errors else self.pixels
        return Held(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), labels)


def _read(readers: Sequence[_Reader], on_progress: OnProgress) -> Iterator[bytes | None]:
    jobs = [(reader, index) for reader in readers for index in range(len(reader.files.paths))]
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(jobs), AT_ONCE):
            on_progress(f"reading images, {start:,} of {len(jobs):,}", start / len(jobs))
            yield from pool.map(lambda job: job[0].look(job[1]), jobs[start : start + AT_ONCE])


def _named(damaged: Sequence[DataError], folder: Path) -> str:
    """One line that names damaged images, and says what is wrong with each."""
    if len(damaged) == 1:
        return str(damaged[0])
    listed = "; ".join(str(error).removeprefix(f"{folder}/") for error in damaged[:NAMED])
    more = f"; and {n:,} more" if (n := len(damaged) - NAMED) > 0 else ""
    return f"{folder}: {len(damaged):,} damaged images: {listed}{more}"
