"""Which exceptions say that something could not be written, and why.

They come as `OSError`, but also from SQLite, torch or a Rust library, wrapped in others. What could
not be read, or did not answer, is none of them.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC, EROFS
from os import strerror
from pathlib import Path

from nas.errors import NasError, WriteError, first_line

ONLY_WRITING = {EDQUOT, EFBIG, ENOSPC, EROFS}
"""Reasons for which nothing is ever read."""
NO_ROOM = (strerror(ENOSPC), strerror(EDQUOT))
"""As libraries say it that raise no `OSError`."""


@contextmanager
def writing(path: Path, *places: Path) -> Iterator[None]:
    """Errors of writing `path`, or below `places`, are said in a line; others stay what they are.

    Raises:
        WriteError: it cannot be written.
    """
    try:
        yield
    except Exception as error:
        raise_write_error(error, path, *places)
        raise


def raise_write_error(
    error: BaseException | None, path: Path, *places: Path, hint: str = ""
) -> None:
    """Say in a line that `path` cannot be written, and perhaps what to do, if an error means that.

    Raises:
        WriteError: it does.
    """
    if not isinstance(error, Exception):
        return
    said = str(error) if isinstance(error, WriteError) else write_failure(error, path, *places)
    if said:
        raise WriteError("; ".join(filter(None, [said, hint]))) from None


def write_failure(error: BaseException, path: Path, *places: Path) -> str | None:
    """`PATH cannot be written: REASON`, where an exception says so; None: it says something else.

    `path` is what was being written; files below it or below `places` are only written.
    """
    for each in _chain(error):
        if isinstance(each, NasError):
            return None  # it says what it means
        if isinstance(each, OSError) and (found := _of_system(each, path, *places)):
            return found
        if reason := _of_library(each):
            return f"{path} cannot be written: {reason}"
    return None


def _of_system(error: OSError, path: Path, *places: Path) -> str | None:
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        _, file, reason = error.args[0][0]  # the first of many that could not be copied
        return f"{path} cannot be written: {reason}" if _below(file, path, *places) else None
    named = isinstance(error.filename, str)
    if named and _below(error.filename, path, *places):
        return f"{path} cannot be written: {error.strerror or error}"
    if error.errno in ONLY_WRITING:  # perhaps of a temporary folder elsewhere
        return f"{error.filename if named else path} cannot be written: {error.strerror}"
    return None


def _of_library(error: BaseException) -> str | None:
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY")):
            return f"SQLite says: {first_line(error)}"
    return next((reason for reason in NO_ROOM if reason in str(error)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, and those that it was raised for; SQLAlchemy keeps them as `orig`."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        hidden = None if found.__suppress_context__ else found.__context__
        found = found.__cause__ or getattr(found, "orig", None) or hidden


def _below(file: str, *places: Path) -> bool:
    whole = Path(file).absolute()
    return any(whole.is_relative_to(place.absolute()) for place in places)
