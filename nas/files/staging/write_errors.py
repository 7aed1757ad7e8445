"""Recognise exceptions that mean that an output cannot be written.

They may be an `OSError`, or come from SQLite, torch or a Rust library, perhaps wrapped in another
exception. Errors of reading and of the network are not among them.
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
"""Error numbers that only writing raises."""
NO_ROOM = (strerror(ENOSPC), strerror(EDQUOT))
"""Texts of a full disk in errors of libraries that raise no `OSError`."""


@contextmanager
def writing(path: Path, *places: Path) -> Iterator[None]:
    """Turn errors of writing `path`, or below `places`, into a `WriteError`.

    Raises:
        WriteError: the path cannot be written. Other exceptions pass unchanged.
    """
    try:
        yield
    except Exception as error:
        raise_write_error(error, path, *places)
        raise


def raise_write_error(
    error: BaseException | None, path: Path, *places: Path, hint: str = ""
) -> None:
    """Raise a `WriteError` if `error` means that `path` cannot be written; `hint` says what to do.

    Raises:
        WriteError: the path cannot be written.
    """
    if not isinstance(error, Exception):
        return
    text = str(error) if isinstance(error, WriteError) else write_failure(error, path, *places)
    if text:
        raise WriteError("; ".join(filter(None, [text, hint]))) from None


def write_failure(error: BaseException, path: Path, *places: Path) -> str | None:
    """`PATH cannot be written: REASON`, or None if the exception means something else.

    `path` is the output; files below it and below `places` are only written, never read.
    """
    for each in _chain(error):
        if isinstance(each, NasError):
            return None  # it has its own message
        if isinstance(each, OSError) and (found := _of_system(each, path, *places)):
            return found
        if reason := _of_library(each):
            return f"{path} cannot be written: {reason}"
    return None


def _of_system(error: OSError, path: Path, *places: Path) -> str | None:
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        _, file, reason = error.args[0][0]  # the first of the files that could not be copied
        return f"{path} cannot be written: {reason}" if _below(file, path, *places) else None
    named = isinstance(error.filename, str)
    if named and _below(error.filename, path, *places):
        return f"{path} cannot be written: {error.strerror or error}"
    if error.errno in ONLY_WRITING:  # perhaps in a temporary folder elsewhere
        return f"{error.filename if named else path} cannot be written: {error.strerror}"
    return None


def _of_library(error: BaseException) -> str | None:
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY")):
            return f"SQLite says: {first_line(error)}"
    return next((reason for reason in NO_ROOM if reason in str(error)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and its causes, with those that SQLAlchemy keeps as `orig`."""
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
