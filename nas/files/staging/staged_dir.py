"""A folder that is there whole or not at all: made beside its final name, moved there.

A crash, a full disk or a kill leaves at most a hidden folder, never half of one under its name. A
`StagedDir` is made in one go; in a `ResumableDir`, what was done before an
interruption is gone on with. Both belong to one process at a time, from their beginning on.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from nas.errors import ResultError
from nas.files.staging.destination import (
    check_no_link,
    check_replaceable,
    exists,
    free_name,
    output_path,
)
from nas.files.staging.lock import Lock
from nas.files.staging.ownership import LISTED, list_files, remove_ours
from nas.files.staging.write_errors import raise_write_error, writing


class ClaimedPath:
    """A place for a folder, which no other process may write to until this is left."""

    def __init__(self, out: Path, name: str, *, force: bool, resume: bool = False) -> None:
        self.path = output_path(out, name)
        with writing(self.path, self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock: Lock | None = Lock(self.path.with_name(f".{name}.lock"), self.path)
            # what --resume finds there is gone on with
            self._force = force or resume and exists(self.path)
            try:
                if force or not resume:
                    check_replaceable(self.path, force=force)
            except BaseException:
                self._release()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        if self._lock:
            self._lock.release()

    def _fresh(self) -> Path:
        """An empty hidden folder beside the final one."""
        folder = self.path.with_name(f".{self.path.name}.draft")
        with writing(self.path, folder):
            if exists(check_no_link(folder)):  # of a process that was killed
                if any(folder.iterdir()) and not (folder / LISTED).exists():
                    raise ResultError(f"{folder} is kept: nas did not make it; move it away")
                shutil.rmtree(folder)
            folder.mkdir()
            list_files(folder)
        return folder

    def _move(self, folder: Path) -> None:
        """To the final name; what nas made there before is removed only after that.

        Raises:
            ResultError: something appeared there meanwhile: the folder has another name now.
        """
        list_files(folder)
        try:
            check_replaceable(self.path, force=self._force)
        except ResultError as error:
            other = free_name(self.path)
            folder.rename(other)
            raise ResultError(f"{error}; it appeared meanwhile: the result is {other}") from None
        old = self.path.with_name(f".{self.path.name}.old")
        if exists(old):
            remove_ours(old)  # of a move that was interrupted after its work was done
        if exists(self.path):
            self.path.replace(old)
        folder.replace(self.path)
        if exists(old):
            remove_ours(old)


class StagedDir(ClaimedPath):
    """Claims a place for a folder before the work, and moves it there when it is complete."""

    def __init__(self, out: Path, name: str, *, force: bool = False) -> None:
        """Check that `out / name` can be written.

        Raises:
            ResultError: it exists already (and not `force`) or is not ours, another process writes
                it, or the place cannot be written.
        """
        super().__init__(out, name, force=force)
        try:
            self.folder = self._fresh()
        except BaseException:
            self._release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._release()
        raise_write_error(error, self.path, self.folder)

    def commit(self) -> None:
        """Move the folder to its final name; what stood there is removed only after that."""
        self._move(self.folder)
        self._release()
