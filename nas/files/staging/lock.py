"""File locks that the operating system releases when a process ends, even if it is killed."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from errno import EACCES, EAGAIN, ENOLCK, ENOSYS, ENOTSUP
from pathlib import Path
from typing import Any

from nas.errors import ResultError

POLL_S = 0.05
TAKEN = {EACCES, EAGAIN}
UNSUPPORTED = {ENOLCK, ENOSYS, ENOTSUP}
"""Errors of file systems without locks, as some network file systems."""
LOCKED_BYTE = 1 << 30
"""Windows forbids others to read a locked byte, so the lock is on one far behind the text."""

_lock: Callable[[int], None]
"""Lock an open file, or raise an OSError at once."""
if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)

_held: set[int] = set()
"""File descriptors of the locks that this process holds."""


def _close_in_child() -> None:
    """Close the locks in a forked child, so that they end with the parent."""
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


class FileLock:
    """A lock on a file, held by one process at a time; the file is made if it is missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock if it is free; return whether this process holds it now.

        Raises:
            OSError: the file cannot be made, or its file system has no locks.
        """
        while True:
            handle = os.open(self.path, _FLAGS, 0o644)
            try:
                _lock(handle)
            except OSError as error:
                os.close(handle)
                if error.errno in TAKEN:
                    return False
                raise
            if _is_same_file(handle, self.path):
                self._handle = handle
                _held.add(handle)
                return True
            os.close(handle)  # the last holder has removed the file meanwhile

    def acquire(self) -> None:
        """Wait until the lock is free, and take it.

        Raises:
            OSError: as `try_acquire`.
        """
        while not self.try_acquire():
            time.sleep(POLL_S)

    def release(self, *, remove: bool = False) -> None:
        """Release the lock, and perhaps remove its file; does nothing if it is not held."""
        if self._handle is None or self._handle not in _held:
            return
        if remove:
            with suppress(OSError):
                self.path.unlink()  # before the release: later it may be another process's
        _held.discard(self._handle)
        os.close(self._handle)
        self._handle = None


class OutputLock(FileLock):
    """Keeps other processes from writing an output while this process writes it.

    The file names the process that holds the lock. On a file system without locks nothing is
    locked.
    """

    def __init__(self, path: Path, output: Path) -> None:
        """Take the lock in the file `path` for `output`.

        Raises:
            ResultError: another process holds it; the message names the process.
            OSError: the file cannot be made.
        """
        super().__init__(path)
        try:
            if not self.try_acquire():
                raise ResultError(f"{output} is being written by {_holder(path)}")
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
        else:
            self._sign()

    def _sign(self) -> None:
        """Write this process into the file; on a full disk the file stays empty."""
        assert self._handle is not None
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        text = json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": since})
        with suppress(OSError):
            os.truncate(self._handle, 0)
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, text.encode())


def is_held(path: Path) -> bool:
    """Whether a process may hold the lock in a file; nobody does if there is no such file."""
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        if not lock.try_acquire():
            return True
    except OSError:  # this file system has no locks, or the file is another user's
        return True
    lock.release()
    return False


def _is_same_file(handle: int, path: Path) -> bool:
    """Whether an open file is still the one at `path`."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    """The process that a lock file names, as `process 1234 (since 01:19)`."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        process, host = int(content["process"]), str(content["host"])
        since = datetime.fromisoformat(content["since"])
    except (OSError, ValueError, KeyError, TypeError):  # it is being written
        return "another process"
    where = "" if host == socket.gethostname() else f" on {host}"
    today = since.date() == datetime.now().astimezone().date()
    return f"process {process}{where} (since {since:{'%H:%M' if today else '%Y-%m-%d %H:%M'}})"
