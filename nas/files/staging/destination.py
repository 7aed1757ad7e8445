"""Where a command may write, and what it may replace: the one place that decides.

A result has a plain name below a local folder. What is there already is kept; `--force` replaces
it, but only what nas made: a folder whose files are all in the list that nas left in it, or a file
that says so. Nothing is written or deleted through a link.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from nas.errors import ResultError, brief
from nas.files.resources import What, named
from nas.files.staging.ownership import foreign_files, is_ours

MAX_BYTES = 255
"""Of a file's name, on nearly every file system."""
AROUND = 24
"""Bytes that may stand around a result's name in names of hidden folders and of files in it."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(/|$)")


def destination(path: Path) -> Path:
    """The path of a file or folder that a command is to write, if it may be one.

    Raises:
        ResultError: it is no local path, its name is none or too long, or it is a link.
    """
    if _URL.match(str(path)):
        raise ResultError(f"{path}: a local folder is needed, found a URL; copy the result later")
    if path.parts and path.parts[0].startswith("~"):
        raise ResultError(
            f"{path}: a local folder is needed, and ~ means one only without quotes; write it out"
        )
    name = path.name
    if name in ("", "..") or not name.isprintable():
        raise ResultError(f"{str(path)!r}: expected a plain name at the end")
    if (size := len(os.fsencode(name))) > MAX_BYTES - AROUND:
        most = MAX_BYTES - AROUND
        raise ResultError(
            f"name {brief(name)} has {size} bytes, expected {most} at most; choose a shorter one"
        )
    if exists(path.parent) and not path.parent.is_dir():
        raise ResultError(f"{path} cannot be written: {path.parent} is no folder")
    return check_no_link(path)


def check_no_link(path: Path) -> Path:
    """A path, if it is no link.

    Raises:
        ResultError: it is.
    """
    if os.path.islink(path):  # noqa: PTH114 - it takes any length of name
        raise ResultError(f"{path} is a link, and nothing is written through links; remove it")
    return path


def output_path(out: Path, name: str) -> Path:
    """The path `out / name` that a command is to write, of a name that may come from a file.

    Raises:
        ResultError: as `destination`; or `name` is more than a name.
    """
    if not name or name != Path(name).name or name.startswith((".", "~")):
        raise ResultError(
            f"name {brief(name)}: expected a plain name, without folders, not beginning with . or"
            " ~; a folder goes in --out"
        )
    return destination(out / name)


def check_not_shipped(what: What, path: Path) -> None:
    """Refuse a name that would mean something shipped wherever it is asked for.

    Raises:
        ResultError: there is one of that name.
    """
    name = path.name if what == "device" else str(path)
    if name in named(what):
        raise ResultError(f"{path}: a shipped {what} is called {name}; choose another name")


def check_replaceable(path: Path, *, force: bool) -> None:
    """Check that nothing is lost by writing a folder or file there.

    Raises:
        ResultError: something is there, and not `force`, or it is not ours alone.
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
    """Whether anything has that name, be it a link to nothing."""
    return os.path.lexists(path)


def free_name(path: Path) -> Path:
    """The first of `name-2.suffix`, `name-3.suffix`, ... that nothing has."""
    number = 2
    while exists(other := path.with_name(f"{path.stem}-{number}{path.suffix}")):
        number += 1
    return other
