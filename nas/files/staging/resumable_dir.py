"""Output folders of long runs, which can be resumed after an interruption and extended later.

A run works in a hidden folder and moves it to the final name at the end. A finished run that is
extended works in a copy; the old result stays until the longer one replaces it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

from nas.errors import ResultError
from nas.files.settings import FILE, INSTEAD, RecordedSettings, RunSettings, read_settings
from nas.files.staging.destination import check_no_link, check_replaceable, exists, output_path
from nas.files.staging.lock import is_held
from nas.files.staging.staged_dir import LockedPath
from nas.files.staging.write_errors import writing


class ResumableDir(LockedPath):
    """An output folder of a long run: work in `folder`, then call `commit`."""

    hint = "what is finished is kept; free some space, then add --resume to the same command"

    def __init__(
        self,
        out: Path,
        name: str,
        settings: RunSettings,
        *,
        resume: bool = False,
        force: bool = False,
    ) -> None:
        """Start a run of these settings; `resume`: continue it; `force`: discard what is there.

        Raises:
            ResultError: the folder exists, was interrupted or has other settings, another process
                works in it, or it cannot be written.
        """
        super().__init__(out, name, force=force, resume=resume)
        self.folder = _work_folder(self.path)
        self.complete = False
        """Whether `path` already holds everything that is asked for."""
        with self._released_on_error(), writing(self.folder):
            self.settings = self._begin(settings, resume=resume, force=force)

    @classmethod
    def check(cls, out: Path, name: str, *, resume: bool = False, force: bool = False) -> None:
        """Refuse a run that cannot be started, before its settings are known.

        Raises:
            ResultError: the folder exists or was interrupted, or another process works in it.
        """
        if not exists(output_path(out, name).parent):
            return
        locked = LockedPath(out, name, resume=resume, force=force)
        try:
            work = check_no_link(_work_folder(locked.path))
            if _is_stopped(work) and not (resume or force):
                raise _interrupted(work)
        finally:
            locked.release()

    @classmethod
    def attach(cls, out: Path, name: str) -> ResumableDir:
        """The folder of a run that another process of the same run has started and locks."""
        found = cls.__new__(cls)
        found.path = output_path(out, name)
        found.folder, found._lock, found._force = _work_folder(found.path), None, False
        found.complete = not exists(found.folder)
        found.settings = read_settings(found.path if found.complete else found.folder)
        return found

    def _begin(self, settings: RunSettings, *, resume: bool, force: bool) -> RecordedSettings:
        """Start, resume or extend the run; return the settings that it has from now on."""
        check_no_link(self.folder)
        stopped = _is_stopped(self.folder)
        if stopped:
            self._check_ours()
        if force or not (stopped or exists(self.path)):
            if force:  # a database may hold a run of the old name
                settings = replace(settings, name=f"{settings.name} {token_hex(2)}")
            self._make_folder(settings)
            return settings
        if stopped and not resume:
            raise _interrupted(self.folder)
        found = _matching(self.folder, settings) if stopped else None
        if found and not settings.smaller(found):
            return self._extend(found, settings)
        if found and not exists(self.path):
            raise _shrunk(self.folder, settings, found)
        recorded = _matching(self.path, settings)
        if settings.larger(recorded) is None:
            self.complete = True
            return recorded
        if found or settings.smaller(recorded):
            raise _shrunk(self.folder if found else self.path, settings, found or recorded)
        check_replaceable(self.path, force=True)  # before the work, not after it
        recorded = replace(recorded, sizes=settings.sizes)
        self._make_folder(recorded, self.path, settings.outdated)
        return recorded

    def _make_folder(
        self, settings: RecordedSettings, source: Path | None = None, left_out: tuple[str, ...] = ()
    ) -> None:
        """Make the work folder atomically, perhaps as a copy of `source` without some files."""
        if exists(self.folder):
            self.discard()
        draft = self._staging_folder()
        try:
            if source:
                ignored = shutil.ignore_patterns(*left_out)
                shutil.copytree(source, draft, dirs_exist_ok=True, ignore=ignored)
            settings.write(draft)
            draft.replace(self.folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    def _extend(self, recorded: RecordedSettings, settings: RunSettings) -> RecordedSettings:
        """Give an interrupted run the sizes that are asked for; return its settings."""
        if settings.larger(recorded):
            for pattern in settings.outdated:
                for path in self.folder.glob(pattern):
                    path.unlink()
            recorded = replace(recorded, sizes=settings.sizes)
            recorded.write(self.folder)
        return recorded

    @contextmanager
    def open_folder(self) -> Iterator[Path]:
        """Yield the folder to work in; for a complete run, a copy that is removed afterwards."""
        if not self.complete:
            yield self.folder
            return
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(self.path, copy, dirs_exist_ok=True)
            yield Path(copy)

    def already_complete(self) -> str:
        """A line that says that nothing is left to do, and how large the run is."""
        sizes = ", ".join(f"{key} {size}" for key, size in self.settings.sizes.items())
        return f"{self.path} is complete already{f': {sizes}' if sizes else ''}"

    def _check_ours(self) -> None:
        if any(self.folder.iterdir()) and not (self.folder / FILE).exists():
            raise ResultError(
                f"{self.folder} is kept: it holds no {FILE}, so nas did not make it;"
                " move it away, or choose another name"
            )

    def discard(self) -> None:
        """Remove the work folder of a run that will not be resumed.

        Raises:
            ResultError: nas did not make the folder.
        """
        if not self.complete:
            self._check_ours()
            shutil.rmtree(self.folder)


def is_result_of(path: Path, settings: RunSettings) -> bool:
    """Whether a folder is the result of a run with these settings; False if it does not exist.

    Raises:
        ResultError: it is the result of other settings.
    """
    return exists(path) and bool(_matching(path, settings))


def is_interrupted(folder: Path) -> bool:
    """Whether a folder is the work folder of a run that no process continues now."""
    path = result_of(folder)
    return folder == _work_folder(path) and not is_held(path.with_name(f".{path.name}.lock"))


def result_of(work: Path) -> Path:
    """The path that a run's work folder will have in the end."""
    return work.with_name(work.name.removeprefix(".").removesuffix(".work"))


def _matching(folder: Path, settings: RunSettings) -> RecordedSettings:
    """The recorded settings of a folder, after a check that they match apart from sizes.

    Raises:
        ResultError: they do not match.
    """
    recorded = read_settings(folder)
    settings.check(recorded, folder)
    return replace(recorded, sizes={**settings.sizes, **recorded.sizes})


def _is_stopped(work: Path) -> bool:
    """Whether a run has been interrupted, of which nobody holds the lock."""
    return exists(work) and any(work.iterdir())


def _interrupted(work: Path) -> ResultError:
    return ResultError(
        f"{work} was interrupted; use --resume to continue it, or --force to start over"
    )


def _shrunk(folder: Path, settings: RunSettings, recorded: RecordedSettings) -> ResultError:
    key = settings.smaller(recorded) or ""
    return ResultError(
        f"{folder} has {key} {recorded.sizes[key]}, found {settings.sizes[key]}: a run only grows;"
        f" give at least {recorded.sizes[key]}, {INSTEAD}"
    )


def _work_folder(path: Path) -> Path:
    return path.with_name(f".{path.name}.work")
