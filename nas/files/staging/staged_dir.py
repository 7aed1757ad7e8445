"""Output folders that are written beside their final name and moved there when complete.

After a crash, a full disk or a kill at most a hidden folder is left, never an incomplete one under
the final name. A `StagedDir` is written in one go, a `ResumableDir` can be resumed. Both are locked
from start to end.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from nas.errors import ResultError
from nas.files.staging.destination import (
    check_no_link,
    check_replaceable,
    exists,
    free_name,
    output_path,
)
from nas.files.staging.lock import OutputLock
from nas.files.staging.ownership import LISTED, list_files, remove_ours
from nas.files.staging.write_errors import raise_write_error, writing


class LockedPath:
    """The path of an output folder, locked until `release`."""

    folder: Path
    """Where the output is written before `commit`."""
    hint: ClassVar[str] = ""
    """What to do if it cannot be written."""

    def __init__(self, out: Path, name: str, *, force: bool, resume: bool = False) -> None:
        self.path = output_path(out, name)
        self._lock: OutputLock | None = None
        with writing(self.path, self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = OutputLock(self.path.with_name(f".{name}.lock"), self.path)
            # a finished folder that --resume finds will be replaced by the longer run
            self._force = force or resume and exists(self.path)
            with self._released_on_error():
                if force or not resume:
                    check_replaceable(self.path, force=force)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.release()
        raise_write_error(error, self.path, self.folder, hint=self.hint)

    def release(self) -> None:
        """Let other processes write the folder."""
        if self._lock:
            self._lock.release(remove=True)

    @contextmanager
    def _released_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.release()
            raise

    def _staging_folder(self) -> Path:
        """Make an empty hidden folder beside the final one."""
        folder = self.path.with_name(f".{self.path.name}.draft")
        with writing(self.path, folder):
            if exists(check_no_link(folder)):  # left by a process that was killed
                if any(folder.iterdir()) and not (folder / LISTED).exists():
                    raise ResultError(f"{folder} is kept: nas did not make it; move it away")
                shutil.rmtree(folder)
            folder.mkdir()
            list_files(folder)
        return folder

    def commit(self) -> None:
        """Move `folder` to the final name, and remove what nas had written there.

        Raises:
            ResultError: something has appeared there; the folder is moved to another name.
        """
        list_files(self.folder)
        try:
            check_replaceable(self.path, force=self._force)
        except ResultError as error:
            other = free_name(self.path)
            self.folder.rename(other)
            raise ResultError(f"{error}; it appeared meanwhile: the result is {other}") from None
        old = self.path.with_name(f".{self.path.name}.old")
        if exists(old):
            remove_ours(old)  # left by a move that was interrupted at its last step
        if exists(self.path):
            self.path.replace(old)
        self.folder.replace(self.path)
        if exists(old):
            remove_ours(old)
        self.release()


class StagedDir(LockedPath):
    """An output folder that is written in one go: fill `folder`, then call `commit`."""

    def __init__(self, out: Path, name: str, *, force: bool = False) -> None:
        """Lock `out / name` and make a hidden folder beside it.

        Raises:
            ResultError: the folder exists (without `force`), nas did not write all of it, another
                process writes it, or it cannot be written.
        """
        super().__init__(out, name, force=force)
        with self._released_on_error():
            self.folder = self._staging_folder()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        super().__exit__(kind, error, at)
