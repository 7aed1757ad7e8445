"""The process that works on a trial, and whether it still lives.

Each process locks a file of its own in the study's folder. The operating system releases the lock
when the process ends, so a trial is abandoned if the file of its owner can be locked.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nas.errors import StorageError
from nas.files.staging.lock import UNSUPPORTED, FileLock

FOLDER = "workers"


class Owner:
    """This process as the owner of trials."""

    def __init__(self, folder: Path, *, everyone: bool = True) -> None:
        """Lock this process's file in `folder`; `everyone`: all owners have their file there.

        Raises:
            StorageError: the file system has no locks.
        """
        self.folder, self.everyone = folder / FOLDER, everyone
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._lock, self._exclusive = self._lock_of(self.name), self._lock_of("alone")
        self._depth = 0
        """How many blocks of `exclusive` are nested."""
        try:
            self._lock.acquire()
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            raise StorageError(
                f"{folder} is on a file system without locks, which workers need; choose another"
                " --out"
            ) from None

    def _lock_of(self, name: str) -> FileLock:
        return FileLock(self.folder / f"{name}.lock")

    def is_dead(self, name: str) -> bool:
        """Whether the process of another owner has ended; False if it runs on another machine."""
        if name == self.name:
            return False
        lock = self._lock_of(name)
        if not lock.path.exists():
            return self.everyone
        dead = lock.try_acquire()
        lock.release()
        return dead

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Run a block while no other process of the folder runs one; blocks may be nested."""
        if not self._depth:
            self._exclusive.acquire()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self._exclusive.release()

    def release(self) -> None:
        """Let other processes take over the trials that this one has not finished."""
        self._lock.release()
