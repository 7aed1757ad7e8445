"""Pages of the site that are generated from code and data, one file each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pages.commands import commands
from pages.devices import devices
from pages.files import files
from pages.python import python

#: name -> its lines
PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "cli": commands,
    "devices": devices,
    "python": python,
    "yaml": files,
}


def write_pages(folder: Path) -> None:
    """Write every page; leave unchanged pages alone, so that Sphinx does not read them again."""
    folder.mkdir(exist_ok=True)
    for name, lines in PAGES.items():
        path, text = folder / f"{name}.md", "\n".join(lines()) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
