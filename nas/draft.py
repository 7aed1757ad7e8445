"""A folder that is there whole or not at all: a draft beside its final name, moved there.

A crash, a full disk or a kill leaves at most a hidden draft, never half a folder under its name.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from nas.errors import ResultError


class Draft:
    """Claims a place for a folder before the work, and moves it there when it is complete."""

    def __init__(self, out: Path, name: str, *, force: bool = False) -> None:
        """Check that `out / name` can be written.

        Raises:
            ResultError: it exists already (and not `force`), or the place cannot be written.
        """
        path = self.path = out / name
        if path.parent != out or name in (".", ".."):
            raise ResultError(f"--name {name!r}: expected a plain name; a folder goes in --out")
        if path.exists() and not force:
            raise ResultError(f"{path} exists and is kept; choose another name, or --force")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
            self.folder.chmod(0o755)  # mkdtemp's is private
        except OSError as error:
            raise self._cannot(error) from None

    def __enter__(self) -> Draft:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, ResultError):
            raise self._cannot(error) from None

    def keep(self) -> None:
        """Move the folder to its final name; what stood there is removed only after that."""
        old = self.folder.with_name(self.folder.name + ".old")
        if self.path.exists():
            self.path.replace(old)
        self.folder.replace(self.path)
        if old.is_dir():
            shutil.rmtree(old)

    def _cannot(self, error: OSError) -> ResultError:
        # of a folder that could not be copied, the first file's reason
        reason = error.args[0][0][-1] if isinstance(error, shutil.Error) else error.strerror
        return ResultError(f"{self.path} cannot be written: {reason or error}")
