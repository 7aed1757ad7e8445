"""One process at a time writes a result: a lock that no kill leaves locked.

The system lets go of the lock when the process ends in whatever way. The file says who has it. On a
file system that knows no locks (some network file systems) nobody is kept out.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from errno import EACCES, EAGAIN, ENOLCK, ENOSYS, ENOTSUP
from pathlib import Path
from typing import Any

from nas.errors import ResultError

TAKEN = {EACCES, EAGAIN}
UNKNOWN_HERE = {ENOLCK, ENOSYS, ENOTSUP}
FAR = 1 << 30
"""Windows keeps others from reading a locked byte: this one is none of the text."""

_take: Callable[[int], None]
"""Lock an open file, or raise an OSError at once."""
if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        os.lseek(handle, FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


_held: set[int] = set()
"""Open files of this process's locks."""


def _forget() -> None:
    """In a forked child: the lock is the parent's alone, and ends with it."""
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Lock:
    """A lock that this process has from here on."""

    def __init__(self, path: Path, what: Path) -> None:
        """Take the lock in the file `path`, which is for `what`.

        Raises:
            ResultError: another process has it, named with the time it began.
            OSError: the file cannot be made.
        """
        self.path = path
        while True:
            self._handle: int | None = os.open(path, _FLAGS, 0o644)
            try:
                _take(self._handle)
            except OSError as error:
                if error.errno not in UNKNOWN_HERE:
                    os.close(self._handle)
                    if error.errno in TAKEN:
                        raise ResultError(f"{what} is being written by {_owner(path)}") from None
                    raise
            if _is_there(self._handle, path):
                break
            os.close(self._handle)  # whoever had it has removed the file meanwhile
        _held.add(self._handle)
        self._sign()

    def _sign(self) -> None:
        """Write into the file who has the lock; on a full disk it stays empty."""
        assert self._handle is not None
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        text = json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": since})
        with suppress(OSError):
            os.truncate(self._handle, 0)
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, text.encode())

    def release(self) -> None:
        """Let others have it; more than once is as good as once."""
        if self._handle is None or self._handle not in _held:
            return
        with suppress(OSError):
            self.path.unlink()  # before it is let go of: later it may be another's
        _held.discard(self._handle)
        os.close(self._handle)
        self._handle = None


_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def _is_there(handle: int, path: Path) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _owner(path: Path) -> str:
    """`process 1234 (since 01:19)`, as the file says."""
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        process, host = int(said["process"]), str(said["host"])
        since = datetime.fromisoformat(said["since"])
    except (OSError, ValueError, KeyError, TypeError):  # it is being written just now
        return "another process"
    where = "" if host == socket.gethostname() else f" on {host}"
    today = since.date() == datetime.now().astimezone().date()
    return f"process {process}{where} (since {since:{'%H:%M' if today else '%Y-%m-%d %H:%M'}})"
