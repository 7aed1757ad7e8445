"""A single file that is there whole or not at all."""

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
    """Yield a hidden file to write; it is moved to `path` when the block has ended.

    Raises:
        ResultError: something is there (and not `force`) or is not ours, or it cannot be written;
            what appeared meanwhile is kept, and the file has another name.
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
    """Write a picture, a page or a table, with words that say that nas made it; its bytes.

    Raises:
        ResultError: as `staged_file`.
    """
    words = f"<!-- {MADE} -->" if text.startswith("<") else f"# {MADE}"
    with staged_file(path, force=force) as made:
        made.write_text(f"{text.rstrip()}\n{words}\n", encoding="utf-8")
        return made.stat().st_size
