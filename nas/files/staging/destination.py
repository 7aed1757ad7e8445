"""Rules for where commands may write and what they may replace.

An output has a plain name in a local folder. An existing output is kept, or replaced with `--force`
if nas wrote all of it (`nas.files.staging.ownership`). Nothing is written or deleted through a
symbolic link.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from nas.errors import ResultError, brief
from nas.files.resources import What, named
from nas.files.staging.ownership import foreign_files, is_ours

MAX_BYTES = 255
"""Longest file name on nearly every file system."""
RESERVED_BYTES = 24
"""Bytes that prefixes and suffixes may add to an output's name."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(/|$)")


def destination(path: Path) -> Path:
    """Check that a path may be an output, and return it.

    Raises:
        ResultError: the path is not local, its name is missing or too long, or it is a link.
    """
    if _URL.match(str(path)):
        raise ResultError(f"{path}: a local folder is needed, found a URL; copy the result later")
    if path.parts and path.parts[0].startswith("~"):
        raise ResultError(
            f"{path}: a local folder is needed; the shell expands ~ only without quotes, so write"
            " the path out"
        )
    name = path.name
    if name in ("", "..") or not name.isprintable():
        raise ResultError(f"{str(path)!r}: expected a plain name at the end")
    limit = MAX_BYTES - RESERVED_BYTES
    if (size := len(os.fsencode(name))) > limit:
        raise ResultError(
            f"name {brief(name)} has {size} bytes, expected at most {limit}; choose a shorter one"
        )
    if exists(path.parent) and not path.parent.is_dir():
        raise ResultError(f"{path} cannot be written: {path.parent} is not a folder")
    return check_no_link(path)


def check_no_link(path: Path) -> Path:
    """Check that a path is not a symbolic link, and return it.

    Raises:
        ResultError: it is a link.
    """
    if os.path.islink(path):  # noqa: PTH114 - accepts names of any length
        raise ResultError(f"{path} is a link, and nas does not write through links; remove it")
    return path


def output_path(out: Path, name: str) -> Path:
    """The output path `out / name`; `name` may come from a file.

    Raises:
        ResultError: as `destination`, or `name` is not a plain file name.
    """
    if not name or name != Path(name).name or name.startswith((".", "~")):
        raise ResultError(
            f"name {brief(name)}: expected a plain name without folders that does not begin with ."
            " or ~; give the folder with --out"
        )
    return destination(out / name)


def check_not_shipped(what: What, path: Path) -> None:
    """Check that an output does not take the name of something shipped, which would hide it.

    Raises:
        ResultError: the name is taken.
    """
    name = path.name if what == "device" else str(path)
    if name in named(what):
        raise ResultError(f"{path}: a shipped {what} is called {name}; choose another name")


def check_replaceable(path: Path, *, force: bool) -> None:
    """Check that writing a file or folder there loses nothing.

    Raises:
        ResultError: something is there without `force`, or nas did not write all of it.
    """
    destination(path)
    if not exists(path):
        return
    if not force:
        raise ResultError(f"{path} exists and is kept; choose another name, or --force")
    if path.is_dir():
        if foreign := next(foreign_files(path), None):
            raise ResultError(
                f"{path} is kept, also with --force: nas did not write {foreign} in it;"
                " move it away, or choose another name"
            )
    elif not is_ours(path):
        raise ResultError(
            f"{path} is kept, also with --force: nas did not write it; move it away, or choose"
            " another name"
        )


def exists(path: Path) -> bool:
    """Whether anything has that name, even a broken link."""
    return os.path.lexists(path)


def free_name(path: Path) -> Path:
    """The first unused name of `name-2.suffix`, `name-3.suffix`, ..."""
    number = 2
    while exists(other := path.with_name(f"{path.stem}-{number}{path.suffix}")):
        number += 1
    return other
