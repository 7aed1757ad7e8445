"""Long work in a hidden folder: gone on with after an interruption, made larger when it is done.

What was finished before is the result until the larger one replaces it whole.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from nas.errors import ResultError
from nas.files.settings import (
    FILE,
    INSTEAD,
    RecordedSettings,
    RunSettings,
    read_settings,
    with_new_name,
)
from nas.files.staging.destination import check_no_link, check_replaceable, exists, output_path
from nas.files.staging.staged_dir import ClaimedPath
from nas.files.staging.write_errors import raise_write_error, writing

RESUME = "what is finished is kept: make room, then the same command with --resume goes on"


class ResumableDir(ClaimedPath):
    """A hidden folder that long work is done in, and that becomes the named one when complete."""

    def __init__(
        self,
        out: Path,
        name: str,
        settings: RunSettings,
        *,
        resume: bool = False,
        force: bool = False,
    ) -> None:
        """Start the work of these settings; `resume`: go on with it; `force`: drop what is there.

        Raises:
            ResultError: it exists already, was stopped or is of other settings; another process
                works on it; or the place cannot be written.
        """
        super().__init__(out, name, force=force, resume=resume)
        self.folder = _hidden(self.path)
        self.complete = False
        """Everything asked for is in `path` already: there is nothing to do in `folder`."""
        try:
            with writing(self.folder):
                self.settings = self._begun(settings, resume=resume, force=force)
        except BaseException:
            self._release()
            raise

    @classmethod
    def attach(cls, out: Path, name: str) -> ResumableDir:
        """Work that another process of the same run has started, and owns."""
        work = cls.__new__(cls)
        work.path = output_path(out, name)
        work.folder, work._lock, work._force = _hidden(work.path), None, False
        work.complete = not exists(work.folder)
        work.settings = read_settings(work.path if work.complete else work.folder)
        return work

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._release()
        raise_write_error(error, self.path, self.folder, hint=RESUME)

    def _begun(self, settings: RunSettings, *, resume: bool, force: bool) -> RecordedSettings:
        """The settings that the run has from now on."""
        check_no_link(self.folder)
        stopped = exists(self.folder) and any(self.folder.iterdir())
        if stopped:
            self._check_ours()
        if force or not (stopped or exists(self.path)):
            settings = with_new_name(settings) if force else settings
            self._start(settings)
            return settings
        if stopped and not resume:
            raise ResultError(
                f"{self.folder} was stopped; --resume goes on with it, --force starts anew"
            )
        begun = _matching(self.folder, settings) if stopped else None
        if begun and not settings.smaller(begun):
            return self._grown(begun, settings)
        if begun and not exists(self.path):
            raise _shrunk(self.folder, settings, begun)
        recorded = _matching(self.path, settings)
        if settings.larger(recorded) is None:
            self.complete = True
            return recorded
        if begun or settings.smaller(recorded):
            raise _shrunk(self.folder if begun else self.path, settings, begun or recorded)
        check_replaceable(self.path, force=True)  # later would be too late
        recorded = replace(recorded, sizes=settings.sizes)
        self._start(recorded, self.path, settings.outdated)
        return recorded

    def _start(
        self, settings: RecordedSettings, source: Path | None = None, left_out: tuple[str, ...] = ()
    ) -> None:
        """Make the folder, perhaps as a copy, there whole or not at all."""
        if exists(self.folder):
            self.discard()
        draft = self._fresh()
        try:
            if source:
                ignored = shutil.ignore_patterns(*left_out)
                shutil.copytree(source, draft, dirs_exist_ok=True, ignore=ignored)
            settings.write(draft)
            draft.replace(self.folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    def _grown(self, recorded: RecordedSettings, settings: RunSettings) -> RecordedSettings:
        """A run that was stopped, with sizes that may be larger."""
        if settings.larger(recorded):
            for pattern in settings.outdated:
                for path in self.folder.glob(pattern):
                    path.unlink()
            recorded = replace(recorded, sizes=settings.sizes)
            recorded.write(self.folder)
        return recorded

    @contextmanager
    def open_folder(self) -> Iterator[Path]:
        """The folder to work in: of a complete run a copy, which is removed afterwards."""
        if not self.complete:
            yield self.folder
            return
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(self.path, copy, dirs_exist_ok=True)
            yield Path(copy)

    def _check_ours(self) -> None:
        if any(self.folder.iterdir()) and not (self.folder / FILE).exists():
            raise ResultError(
                f"{self.folder} is kept: it holds no {FILE}, so nas did not make it;"
                " move it away, or choose another name"
            )

    def discard(self) -> None:
        """Remove what was done, if anything was: nobody would go on with it.

        Raises:
            ResultError: it is no work of ours.
        """
        if not self.complete:
            self._check_ours()
            shutil.rmtree(self.folder)

    def commit(self) -> None:
        """Move the folder to its final name; until it is there, its work can be gone on with."""
        self._move(self.folder)
        self._release()


def is_result_of(path: Path, settings: RunSettings) -> bool:
    """Whether a folder is the result of these settings; False where there is none.

    Raises:
        ResultError: it is of others.
    """
    return exists(path) and bool(_matching(path, settings))


def _matching(folder: Path, settings: RunSettings) -> RecordedSettings:
    """What a folder was made with, which is what is asked for up to its sizes."""
    recorded = read_settings(folder)
    settings.check(recorded, folder)
    return replace(recorded, sizes={**settings.sizes, **recorded.sizes})


def _shrunk(folder: Path, settings: RunSettings, recorded: RecordedSettings) -> ResultError:
    key = settings.smaller(recorded) or ""
    return ResultError(
        f"{folder} has {key} {recorded.sizes[key]}, found {settings.sizes[key]}: a run only grows;"
        f" give at least {recorded.sizes[key]}, {INSTEAD}"
    )


def _hidden(path: Path) -> Path:
    return path.with_name(f".{path.name}.work")
