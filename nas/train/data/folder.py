"""A folder of image files: train/CLASS/*.jpg and val/CLASS/*.jpg, as torchvision's ImageFolder.

What fits in `HELD_BYTES` is decoded once and held; larger sets are streamed from their files.
Either way every file is looked at before anything is trained, and all that are damaged are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
NAMED = 10
"""Damaged files that are named of many."""


def read_folder(
    folder: Path,
    *,
    name: str = "",
    source: str = "",
    on_progress: OnProgress = ignore,
) -> DataSet:
    """Train and test splits below `folder`.

    Raises:
        DataError: a split or class is missing, empty or differs, or images are damaged.
    """
    classes, listed, left_out = list_images(folder)
    paths = [path for files in listed for path in files.paths]
    with without_warnings():
        side = _side(paths)
        held = len(paths) * 3 * side**2 <= HELD_BYTES
        readers = [_Reader(folder, files, side if held else None) for files in listed]
        found = list(_read(readers, on_progress))
    if damaged := [one for one in found if isinstance(one, DataError)]:
        raise _all(damaged, folder)
    train, test = (reader.split for reader in readers)
    mean, sd = statistics(train) if isinstance(train, Held) else IMAGENET
    first = (Step("shorter_side", (side,)), Step("centre_crop", (side,))) if held else ()
    return DataSet(
        name or folder.absolute().name,  # of `.`, too
        classes,
        train,
        test,
        side,
        source or f"{folder}",
        fingerprint(classes, [one for one in found if isinstance(one, bytes)]),
        mean=mean,
        sd=sd,
        decoding=DECODING,
        first=first,
        note=left_out.note,
    )


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

    def look(self, index: int) -> bytes | DataError:
        """The hash of one file, or what is wrong with it."""
        path, label = self.files.paths[index], self.files.labels[index]
        try:
            content = read_content(path)
            if self.side:
                self.pixels[index] = np.asarray(square(read_image(path, content), self.side))
            else:
                check_whole(path, content)
        except DataError as error:
            return error
        return of_file(path.relative_to(self.folder).as_posix(), label, content)

    @property
    def split(self) -> Split:
        labels = torch.tensor(self.files.labels)
        if not self.side:
            return Streamed(self.files.paths, labels)
        return Held(torch.from_numpy(self.pixels).permute(0, 3, 1, 2).contiguous(), labels)


def _read(readers: Sequence[_Reader], on_progress: OnProgress) -> Iterator[bytes | DataError]:
    jobs = [(reader, index) for reader in readers for index in range(len(reader.files.paths))]
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(jobs), AT_ONCE):
            on_progress(f"reading images, {start:,} of {len(jobs):,}", start / len(jobs))
            yield from pool.map(lambda job: job[0].look(job[1]), jobs[start : start + AT_ONCE])


def _all(damaged: Sequence[DataError], folder: Path) -> DataError:
    """One error that names them."""
    if len(damaged) == 1:
        return damaged[0]
    listed = "; ".join(str(error).removeprefix(f"{folder}/") for error in damaged[:NAMED])
    more = f"; and {n} more" if (n := len(damaged) - NAMED) > 0 else ""
    return DataError(f"{folder}: {len(damaged)} damaged images: {listed}{more}")
