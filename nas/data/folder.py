"""A folder of image files: train/CLASS/*.jpg and val/CLASS/*.jpg, as torchvision's ImageFolder.

What fits in `HELD_BYTES` is decoded once and held; larger sets are streamed from their files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.datasets.folder import IMG_EXTENSIONS

from nas.data.base import IMAGENET_MEAN, IMAGENET_SD, DataSet, Split
from nas.data.fingerprint import ends, fingerprint, of_file
from nas.data.held import Held
from nas.data.streamed import Streamed, read_image, square
from nas.errors import DataError

HELD_BYTES = 2_000_000_000
"""Of pixels that are held in memory."""
LARGEST = 256
"""Side that held images are kept at, at most."""
LOOKED_AT = 64
"""Files whose size tells the set's."""
TEST = ("val", "test")


def read_folder(folder: Path, *, name: str = "", source: str = "") -> DataSet:
    """Train and test splits below `folder`.

    Raises:
        DataError: a split or class is missing, empty or differs, or a held image is damaged.
    """
    train = folder / "train"
    test = next((folder / part for part in TEST if (folder / part).is_dir()), folder / TEST[0])
    for part in (train, test):
        if not part.is_dir():
            raise DataError(f"{folder}: expected folders train and val, found no {part.name}")
    classes = _classes(train)
    if (others := _classes(test)) != classes:
        odd = sorted(set(classes) ^ set(others))[0]
        where = train if odd in classes else test
        raise DataError(f"{folder}: class {odd!r} is in {where.name} only")
    listed = [_files(part, classes) for part in (train, test)]
    side = _side([path for paths, _ in listed for path in paths])
    n = sum(len(labels) for _, labels in listed)
    held = n * 3 * side**2 <= HELD_BYTES
    if held:
        splits: list[Split] = [_held(*files, side) for files in listed]
        mean, sd = statistics(splits[0])
    else:
        splits = [Streamed(*files) for files in listed]
        mean, sd = IMAGENET_MEAN, IMAGENET_SD
    trained, tested = splits
    hashes = _hashes(folder, listed, Path.read_bytes if held else ends)
    return DataSet(
        name or folder.absolute().name,  # of `.`, too
        classes,
        trained,
        tested,
        side,
        source or f"{folder}",
        fingerprint(classes, hashes),
        mean=mean,
        sd=sd,
    )


def _hashes(
    folder: Path,
    listed: Sequence[tuple[Sequence[Path], Tensor]],
    content: Callable[[Path], bytes],
) -> list[bytes]:
    """Of every file, in order."""

    def hashed(file: tuple[Path, int]) -> bytes:
        path, label = file
        return of_file(path.relative_to(folder).as_posix(), label, content(path))

    files = [file for paths, labels in listed for file in zip(paths, labels.tolist(), strict=True)]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(hashed, files))


def _classes(part: Path) -> tuple[str, ...]:
    found = sorted(path.name for path in part.iterdir() if path.is_dir())
    if not found:
        raise DataError(f"{part}: expected a folder for each class, found none")
    return tuple(found)


def _files(part: Path, classes: Sequence[str]) -> tuple[list[Path], Tensor]:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        own = sorted(p for p in (part / name).rglob("*") if p.suffix.lower() in IMG_EXTENSIONS)
        if not own:
            raise DataError(f"{part / name}: no image; expected {', '.join(IMG_EXTENSIONS)}")
        paths += own
        labels += [label] * len(own)
    return paths, torch.tensor(labels)


def _side(paths: Sequence[Path]) -> int:
    """The median shorter side of some of the images, `LARGEST` at most."""
    some = paths[:: max(1, len(paths) // LOOKED_AT)]
    return min(LARGEST, int(np.median([min(read_image(path).size) for path in some])))


def _held(paths: Sequence[Path], labels: Tensor, side: int) -> Held:
    def pixels(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return np.asarray(square(read_image(path), side), np.uint8)

    with ThreadPoolExecutor() as pool:
        stacked = np.stack(list(pool.map(pixels, paths)))
    return Held(torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous(), labels)


def statistics(split: Split) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of held images, from 0 to 1."""
    assert isinstance(split, Held)
    channels = split.pixels.permute(1, 0, 2, 3).flatten(1)
    levels = torch.arange(256, dtype=torch.float64) / 255
    means, sds = [], []
    for channel in channels:  # by counting, in whole numbers
        share = torch.bincount(channel, minlength=256).double() / channel.numel()
        mean = float(share @ levels)
        means.append(round(mean, 4))
        sds.append(round(max(float(share @ (levels - mean) ** 2) ** 0.5, 1e-3), 4))
    return tuple(means), tuple(sds)
