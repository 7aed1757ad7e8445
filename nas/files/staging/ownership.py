"""Which files nas wrote: nas removes only those.

A folder that nas made holds a list of its files, and a single file holds a comment. Folders of
earlier versions and the shipped example have no list. They are recognised by a file that only nas
writes, and may hold only the files that those versions wrote.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path

LISTED = ".nas-files"
"""The list of nas's files in each folder that it makes."""
MADE = "made by nas"
"""The comment in each single file that nas makes."""
HASH = "[0-9a-f]" * 12
LATER = ("report.html", "study.db-wal", "study.db-shm", "*.pyc", ".DS_Store", "Thumbs.db")
"""Files that may be added to a finished folder: reports, caches, files of a file browser."""

#: folders of earlier versions: a file with a key `schema` that identifies one, and patterns of its
#: other files (NAME: the folder's own name); if several identify it, the patterns of all
OLD_FOLDERS = {
    "study.yaml": f"best.yaml trained.yaml weights.safetensors trials.csv study.db known.csv"
    f" pareto.csv pareto.png pareto.svg pareto/{HASH}.yaml trials/{HASH}/arch.yaml"
    f" trials/{HASH}/seed*/log.csv trials/{HASH}/seed*/weights.safetensors",
    "train.yaml": "best.yaml seed*/log.csv seed*/weights.safetensors"
    " seed*/tensorboard/events.out.tfevents.*",
    "adapt.yaml": "best.yaml weights.safetensors history.csv widths.png accuracy.png study.db"
    " steps/*/network.yaml steps/*/step.json",
    "run.yaml": f"sweep.yaml cells.csv budgets.png study.db pareto-*.png winners/*.yaml"
    f" trials/{HASH}/seed*/log.csv trials/{HASH}/seed*/weights.safetensors */study.yaml"
    f" */best.yaml */trained.yaml */weights.safetensors */trials.csv */pareto.csv */pareto.png"
    f" */pareto.svg */pareto/{HASH}.yaml */trials/{HASH}/arch.yaml",
    "bench.yaml": "summary.csv runs.csv accel-*.png nas-bench-*.png ofa-*.png",
    "fidelity.json": f"fidelity.csv scores.csv networks/{HASH}.yaml study.db",
    "kit.yaml": "README.md benchmark.py *.tflite *.pte *.mlpackage/*",
    "manifest.yaml": "NAME.*",
    "device.yaml": f"kernels.csv residual.csv journal.csv held_out.csv held_out/{HASH}.yaml",
}
#: texts that identify a single file of any version
OLD_TEXTS = (MADE, "network,ms,arch_id,device,runtime,version,precision")


def foreign_files(folder: Path) -> Iterator[str]:
    """Relative paths of the files in a folder that nas did not write."""
    found, listed = sorted(_files(folder)), _listed(folder)
    patterns: list[str] = []
    if listed is None:
        marks = [mark for mark in OLD_FOLDERS if _is_mark(folder / mark)]
        patterns = [*marks, *" ".join(OLD_FOLDERS[mark] for mark in marks).split()]
        patterns = [pattern.replace("NAME", escape(folder.name)) for pattern in patterns]
    for name in found:
        ours = name in (listed or ()) or any(fnmatchcase(name, own) for own in patterns)
        late = (listed or patterns) and any(fnmatchcase(Path(name).name, own) for own in LATER)
        if (folder / name).is_symlink() or not (ours or late):
            yield name


def list_files(folder: Path) -> None:
    """Write the list of a folder's files, which marks them as nas's."""
    (folder / LISTED).unlink(missing_ok=True)
    names = sorted(_files(folder))
    (folder / LISTED).write_text(json.dumps({"files": names}, indent=0) + "\n", encoding="utf-8")


def remove_ours(folder: Path) -> None:
    """Remove nas's files from a folder, then empty folders, and the list last."""
    kept = set(foreign_files(folder))
    if _listed(folder) is None and not kept:
        list_files(folder)  # so that a second try recognises the rest
    for name in _files(folder):
        if name not in kept:
            (folder / name).unlink()
    below = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
    for path in below:
        _remove_empty(path)
    if not kept:
        (folder / LISTED).unlink(missing_ok=True)
    _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    if not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()


def _files(folder: Path) -> Iterator[str]:
    """Relative paths of all files and links below a folder, without the list."""
    for where, folders, files in os.walk(folder, onerror=_raise):
        links = [name for name in folders if (Path(where) / name).is_symlink()]
        for name in (*files, *links):
            path = (Path(where) / name).relative_to(folder).as_posix()
            if path != LISTED:
                yield path


def _raise(error: OSError) -> None:
    raise error


def _listed(folder: Path) -> set[str] | None:
    """The files in a folder's list; None if there is no readable list."""
    try:
        return set(json.loads((folder / LISTED).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_mark(path: Path) -> bool:
    return path.is_file() and "schema" in _ends_of(path)


def is_ours(path: Path) -> bool:
    """Whether nas made a single file."""
    return path.is_file() and any(text in _ends_of(path) for text in OLD_TEXTS)


def _ends_of(path: Path, size: int = 4096) -> str:
    """The first and last `size` bytes of a file, as text."""
    with path.open("rb") as file:
        first = file.read(size)
        file.seek(max(0, path.stat().st_size - size))
        return (first + file.read(size)).decode("utf-8", "replace")
