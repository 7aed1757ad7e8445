"""A folder that is there whole or not at all: made beside its final name, moved there.

A crash, a full disk or a kill leaves at most a hidden folder, never half of one under its name. A
`Draft` is made in one go; in a `Work`, what was done before an interruption is gone on with.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from nas.errors import ResultError

SETTINGS = "settings.json"


class Draft:
    """Claims a place for a folder before the work, and moves it there when it is complete."""

    def __init__(self, out: Path, name: str, *, force: bool = False) -> None:
        """Check that `out / name` can be written.

        Raises:
            ResultError: it exists already (and not `force`), or the place cannot be written.
        """
        path = self.path = _free(out, name, force=force)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
            self.folder.chmod(0o755)  # mkdtemp's is private
        except OSError as error:
            raise _cannot(path, error) from None

    def __enter__(self) -> Draft:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, ResultError):
            raise _cannot(self.path, error) from None

    def keep(self) -> None:
        """Move the folder to its final name; what stood there is removed only after that."""
        _move(self.folder, self.path)


class Work:
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
            ResultError: it exists already, was stopped or is of other settings; or the place cannot
                be written.
        """
        self.path = _free(out, name, force=force)
        self.folder = out / f".{name}.work"
        note, text = self.folder / SETTINGS, json.dumps(dict(settings), sort_keys=True, indent=1)
        try:
            if note.exists() and not force:
                _check_same(self.folder, json.loads(note.read_text()), json.loads(text), resume)
                return
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            note.write_text(text + "\n", encoding="utf-8")
        except (OSError, ValueError) as error:
            if isinstance(error, ResultError):
                raise
            raise _cannot(self.folder, error) from None

    @classmethod
    def joined(cls, out: Path, name: str) -> Work:
        """Work that another process of the same run has started."""
        work = cls.__new__(cls)
        work.path, work.folder = out / name, out / f".{name}.work"
        return work

    def drop(self) -> None:
        """Remove what was done: nobody would go on with it."""
        shutil.rmtree(self.folder)

    def keep(self) -> None:
        """Move the folder to its final name; until it is there, its work can be gone on with."""
        _move(self.folder, self.path)
        (self.path / SETTINGS).unlink()


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


def _free(out: Path, name: str, *, force: bool) -> Path:
    """`out / name`, which may be written."""
    path = out / name
    if path.parent != out or name in (".", ".."):
        raise ResultError(f"--name {name!r}: expected a plain name; a folder goes in --out")
    if path.exists() and not force:
        raise ResultError(f"{path} exists and is kept; choose another name, or --force")
    return path


def _move(folder: Path, path: Path) -> None:
    """To its final name; what stood there is removed only after that."""
    old = folder.with_name(folder.name + ".old")
    if path.exists():
        _remove(old)  # of a move that was interrupted after its work was done
        path.replace(old)
    folder.replace(path)
    _remove(old)


def _remove(path: Path) -> None:
    """A folder, or a file, or a link alone; nothing, where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _cannot(path: Path, error: Exception) -> ResultError:
    # of a folder that could not be copied, the first file's reason
    first = error.args[0][0][-1] if isinstance(error, shutil.Error) else None
    reason = first or getattr(error, "strerror", None) or error
    return ResultError(f"{path} cannot be written: {reason}")
