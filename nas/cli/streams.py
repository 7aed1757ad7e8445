"""Standard streams that are closed, full or no longer read end with one line."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from errno import EBADF, EPIPE


def open_streams() -> None:
    """Make all three usable, before any file is opened: it would get a closed stream's number.

    A closed stdin is empty, a closed stderr dropped; printing to a closed stdout fails.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            access = os.O_WRONLY if name == "stderr" else os.O_RDONLY
            os.open(os.devnull, access)  # gets the lowest number that is free: this one
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ± gets a ?, no traceback


def say(note: str) -> None:
    """Write one line to stderr; a stderr that is closed is ignored."""
    with suppress(OSError):
        sys.stderr.write(f"nas: {note}\n")
        sys.stderr.flush()


def unprinted() -> OSError | None:
    """The error of writing to stdout, if there is one; the rest of the output is dropped then."""
    try:
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError, io.UnsupportedOperation):
            number = os.open(os.devnull, os.O_WRONLY)
            os.dup2(number, sys.stdout.fileno())  # else it is tried again at the end
            os.close(number)
        return error
    return None


def said_of(error: OSError) -> str:
    """One line about what the system refused; nothing about a pipe without a reader.

    What cannot be written to a file has been said by whoever wrote it
    (`nas.files.staging.writing`): where no file is named, it is the standard output.
    """
    from nas.files.staging.write_errors import ONLY_WRITING

    if error.errno == EPIPE:
        return ""
    if error.errno in ONLY_WRITING | {EBADF} and error.filename is None:
        return f"standard output cannot be written: {error.strerror}"
    return ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
