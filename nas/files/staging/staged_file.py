"""Write a single file atomically."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nas.errors import ResultError
from nas.files.staging.destination import check_replaceable, free_name
from nas.files.staging.ownership import MADE
from nas.files.staging.write_errors import writing


@contextmanager
def staged_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a hidden file to write; it is moved to `path` at the end of the block.

    Raises:
        ResultError: `path` may not be replaced (`check_replaceable`) or cannot be written. If a
            file appears there during the block, it is kept and the new file gets another name.
    """
    check_replaceable(path, force=force)
    with writing(path, path.parent):
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    made = folder / path.name
    try:
        with writing(path, folder):
            yield made
            try:
                check_replaceable(path, force=force)
            except ResultError as error:
                made.rename(other := free_name(path))
                raise ResultError(f"{error}; it appeared meanwhile: see {other}") from None
            made.replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def save_text(path: Path, text: str, *, force: bool = False) -> int:
    """Write a text file with a comment that nas made it, and return its size in bytes.

    Raises:
        ResultError: as `staged_file`.
    """
    mark = f"<!-- {MADE} -->" if text.startswith("<") else f"# {MADE}"
    with staged_file(path, force=force) as made:
        made.write_text(f"{text.rstrip()}\n{mark}\n", encoding="utf-8")
        return made.stat().st_size
