"""Which process works on a trial, and whether it still lives.

Each process holds a lock on a file of its own in the study's folder. The system lets go of it when
the process ends in whatever way, so a trial whose owner's file can be locked has been left.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nas.system.extras import require

if TYPE_CHECKING:
    from filelock import BaseFileLock

FOLDER = "workers"


class Owner:
    """This process, as others see it."""

    def __init__(self, folder: Path, *, everyone: bool = True) -> None:
        """`everyone`: all owners there can be have their file in this folder."""
        self.folder, self.everyone = folder / FOLDER, everyone
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._lock, self._alone = self._lock_of(self.name), self._lock_of("alone")
        self._lock.acquire()

    def _lock_of(self, name: str) -> BaseFileLock:
        return require("train", "filelock").FileLock(self.folder / f"{name}.lock")  # type: ignore[no-any-return]

    def is_dead(self, name: str) -> bool:
        """Whether another owner is gone; of one that works elsewhere nothing is known."""
        if name == self.name:
            return False
        if not (self.folder / f"{name}.lock").exists():
            return self.everyone
        lock = self._lock_of(name)
        try:
            lock.acquire(timeout=0)
        except TimeoutError:
            return False
        lock.release()
        return True

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """While this lasts, no other process of the folder is in here; may be nested."""
        with self._alone:
            yield

    def release(self) -> None:
        """Say that no trial is worked on any more."""
        self._lock.release()
