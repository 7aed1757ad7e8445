"""Which files of a folder are images of which class, and what was left out.

A folder has train/CLASS and val/CLASS, or only CLASS folders: then nobody has split the images yet.
Hidden files and folders are left out as file managers hide them, and files in formats that are not
read. Links are followed; each folder is looked into once.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, NoReturn

from nas.errors import DataError, brief
from nas.train.data.image import suffixes

TEST = ("val", "test")
"""Names of the folder of the test split; the first that is there."""
LITTER = {
    *("#recycle", "$recycle.bin", "@eadir", "@recycle", "__macosx", "lost+found"),
    *("desktop.ini", "ehthumbs.db", "system volume information", "thumbs.db"),
}
"""What systems leave in folders, in lower case; no image and no class."""
NAMED = 5
"""Folders that are named of those that were left out."""


class Files(NamedTuple):
    """The image files of one split."""

    paths: list[Path]
    labels: list[int]


@dataclass(eq=False)
class LeftOut:
    """What is in a folder and is not read."""

    root: Path
    others: Counter[str] = field(default_factory=Counter)
    """Files by their suffix."""
    hidden: int = 0
    loose: int = 0
    """Files beside the folders of the classes."""
    folders: list[str] = field(default_factory=list)

    def hides(self, path: Path) -> bool:
        """Whether file managers hide a path, or a system made it for itself; if so, note it."""
        hidden = _is_hidden(path.name)
        if hidden and path.is_dir():
            self.folders.append(f"{path.relative_to(self.root)} (hidden)")
        else:
            self.hidden += hidden
        return hidden

    def reads(self, path: Path) -> bool:
        """Whether a file is to be read; if it is hidden or in another format, note it."""
        if self.hides(path):
            return False
        suffix = path.suffix.lower()
        if suffix not in suffixes():
            self.others[suffix or "no suffix"] += 1
        return suffix in suffixes()

    @property
    def note(self) -> str:
        """One line; empty: everything was read."""
        parts = []
        if self.others:
            counts = ", ".join(f"{suffix} {n}" for suffix, n in self.others.most_common())
            parts.append(f"files that are not read as images: {counts}")
        if self.hidden:
            parts.append(f"hidden files: {self.hidden}")
        if self.loose:
            parts.append(f"files in no class folder: {self.loose}")
        if self.folders:
            more = [f"and {n} more"] if (n := len(self.folders) - NAMED) > 0 else []
            parts.append(f"folders: {', '.join([*self.folders[:NAMED], *more])}")
        return f"{self.root}: left out {'; '.join(parts)}" if parts else ""


def list_images(folder: Path) -> tuple[tuple[str, ...], list[Files], LeftOut]:
    """Classes, and the files of the training and the test split; one item if nobody has split them.

    Raises:
        DataError: a split or class is missing, empty or in one split only; a folder is unreadable.
    """
    splits, left_out = _splits(folder), LeftOut(folder)
    classes, *other_classes = (_classes(part, left_out) for part in splits)
    for others in other_classes:
        _check_same(folder, splits, classes, others)
    return classes, [_files(part, classes, left_out) for part in splits], left_out


def _splits(folder: Path) -> list[Path]:
    """The folders of the training and the test split, or the one folder with all classes."""
    train = folder / "train"
    test = next((part for name in TEST if (part := folder / name).is_dir()), None)
    if train.is_dir() and test:
        return [train, test]
    if test and _has_folders(test):
        raise DataError(f"{folder}: expected folders train and {test.name}, found no train")
    # images directly in it: `train` is a class, as in bus, train, tram
    return [train] if train.is_dir() and _has_folders(train) else [folder]


def _has_folders(part: Path) -> bool:
    try:
        return any(path.is_dir() and not _is_hidden(path.name) for path in part.iterdir())
    except OSError as error:
        _refuse(error)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in LITTER


def _check_same(
    folder: Path, splits: Sequence[Path], classes: Sequence[str], others: Sequence[str]
) -> None:
    odd = [
        f"{', '.join(map(repr, sorted(only)[:NAMED]))} ({len(only)}) in {part.name} only"
        for only, part in (({*classes} - {*others}, splits[0]), ({*others} - {*classes}, splits[1]))
        if only
    ]
    if odd:
        raise DataError(f"{folder}: expected the same classes in both splits: {'; '.join(odd)}")


def _classes(part: Path, left_out: LeftOut) -> tuple[str, ...]:
    found = []
    try:
        entries = sorted(part.iterdir())
    except OSError as error:
        _refuse(error)
    for path in entries:
        if left_out.hides(path):
            continue
        if path.is_dir():
            found.append(path.name)
        else:
            left_out.loose += 1
    if not found:
        raise DataError(f"{part}: expected a folder for each class, found none")
    for name in found:
        try:
            name.encode()
        except UnicodeEncodeError:  # no document could hold it
            raise DataError(f"{part}: class {brief(name)}: its name is not UTF-8") from None
    return tuple(found)


def _files(part: Path, classes: Sequence[str], left_out: LeftOut) -> Files:
    found, empty = Files([], []), []
    for label, name in enumerate(classes):
        own = sorted(_images(part / name, left_out))
        if not own:
            empty.append(name)
        found.paths.extend(own)
        found.labels.extend([label] * len(own))
    if empty:
        more = f" and {n} more classes" if (n := len(empty) - NAMED) > 0 else ""
        names = ", ".join(empty[:NAMED])
        note = f" ({left_out.note})" if left_out.note else ""
        raise DataError(f"{part}: no image of class {names}{more}{note}")
    return found


def _images(own: Path, left_out: LeftOut) -> Iterator[Path]:
    """Image files below the folder of a class; a folder that links lead to twice is walked once."""
    above = (own.parent.resolve(), own.resolve())
    seen = {*above, *above[0].parents, *above[1].parents}
    for place, folders, files in os.walk(own, onerror=_refuse, followlinks=True):
        wanted = []
        for path in (Path(place, name) for name in sorted(folders)):
            if left_out.hides(path):
                continue
            if path.resolve() in seen:
                left_out.folders.append(f"{path.relative_to(left_out.root)} (read already)")
            else:
                seen.add(path.resolve())
                wanted.append(path.name)
        folders[:] = wanted
        yield from filter(left_out.reads, (Path(place, name) for name in files))


def _refuse(error: OSError) -> NoReturn:
    raise DataError(f"{error.filename}: {error.strerror}") from None
