"""A folder that is there whole or not at all: made beside its final name, moved there.

A crash, a full disk or a kill leaves at most a hidden folder, never half of one under its name. A
`Draft` is made in one go; in a `Work`, what was done before an interruption is gone on with. Both
belong to one process at a time, from their beginning on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from nas.draft.destination import exists, free_name, named_in, no_link, replaceable
from nas.draft.lock import Lock
from nas.draft.made import LISTED, list_files, remove_ours
from nas.draft.unwritable import say_if_unwritten, writing
from nas.errors import ResultError

SETTINGS = "settings.json"
RESUME = "what is finished is kept: make room, then the same command with --resume goes on"


class _Claimed:
    """A place for a folder, which no other process may write to until this is left."""

    def __init__(self, out: Path, name: str, *, force: bool) -> None:
        self.path, self._force = named_in(out, name), force
        with writing(self.path, self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock: Lock | None = Lock(self.path.with_name(f".{name}.lock"), self.path)
            try:
                replaceable(self.path, force=force)
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

    def _move(self, folder: Path) -> None:
        """To the final name; what nas made there before is removed only after that.

        Raises:
            ResultError: something appeared there meanwhile: the folder has another name now.
        """
        list_files(folder)
        try:
            replaceable(self.path, force=self._force)
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


class Draft(_Claimed):
    """Claims a place for a folder before the work, and moves it there when it is complete."""

    def __init__(self, out: Path, name: str, *, force: bool = False) -> None:
        """Check that `out / name` can be written.

        Raises:
            ResultError: it exists already (and not `force`) or is not ours, another process writes
                it, or the place cannot be written.
        """
        super().__init__(out, name, force=force)
        self.folder = self.path.with_name(f".{name}.draft")
        try:
            with writing(self.path, self.folder):
                self._begin()
        except BaseException:
            self._release()
            raise

    def _begin(self) -> None:
        if exists(no_link(self.folder)):  # of a process that was killed
            if any(self.folder.iterdir()) and not (self.folder / LISTED).exists():
                raise ResultError(f"{self.folder} is kept: nas did not make it; move it away")
            shutil.rmtree(self.folder)
        self.folder.mkdir()
        list_files(self.folder)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._release()
        say_if_unwritten(error, self.path, self.folder)

    def keep(self) -> None:
        """Move the folder to its final name; what stood there is removed only after that."""
        self._move(self.folder)
        self._release()


class Work(_Claimed):
    """A hidden folder that long work is done in, and that becomes the named one when complete."""

    def __init__(
        self,
        out: Path,
        name: str,
        settings: Mapping[str, object],
        *,
        resume: bool = False,
        force: bool = False,
    ) -> None:
        """Start the work of these settings; `resume`: go on with it; `force`: drop what is there.

        Raises:
            ResultError: it exists already, was stopped or is of other settings; another process
                works on it; or the place cannot be written.
        """
        super().__init__(out, name, force=force)
        self.folder = _hidden(self.path)
        try:
            self._begin(settings, resume=resume, force=force)
        except BaseException:
            self._release()
            raise

    def _begin(self, settings: Mapping[str, object], *, resume: bool, force: bool) -> None:
        note, text = self.folder / SETTINGS, json.dumps(dict(settings), sort_keys=True, indent=1)
        with writing(self.folder):
            no_link(self.folder)
            if note.exists() and not force:
                try:
                    _check_same(self.folder, json.loads(note.read_text()), json.loads(text), resume)
                except ValueError as error:
                    raise ResultError(
                        f"{note} cannot be read: {error}; --force starts anew"
                    ) from None
                return
            if exists(self.folder):
                self.drop()
            self.folder.mkdir()
            note.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def joined(cls, out: Path, name: str) -> Work:
        """Work that another process of the same run has started, and owns."""
        work = cls.__new__(cls)
        work.path = named_in(out, name)
        work.folder, work._lock, work._force = _hidden(work.path), None, False
        return work

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._release()
        say_if_unwritten(error, self.path, self.folder, hint=RESUME)

    def drop(self) -> None:
        """Remove what was done: nobody would go on with it.

        Raises:
            ResultError: it is no work of ours.
        """
        if any(self.folder.iterdir()) and not (self.folder / SETTINGS).exists():
            raise ResultError(
                f"{self.folder} is kept: it holds no {SETTINGS}, so nas did not make it;"
                " move it away, or choose another name"
            )
        shutil.rmtree(self.folder)

    def keep(self) -> None:
        """Move the folder to its final name; until it is there, its work can be gone on with."""
        self._move(self.folder)
        (self.path / SETTINGS).unlink()
        self._release()


def _hidden(path: Path) -> Path:
    return path.with_name(f".{path.name}.work")


def _check_same(
    folder: Path, old: Mapping[str, object], new: Mapping[str, object], resume: bool
) -> None:
    if not resume:
        raise ResultError(f"{folder} was stopped; --resume goes on with it, --force starts anew")
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            raise ResultError(
                f"{folder} was started with {key} {old.get(key)}, found {new.get(key)};"
                " say the same to go on, or --force"
            )
