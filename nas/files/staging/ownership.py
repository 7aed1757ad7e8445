"""What nas made: the list of files that it leaves in every folder, and the words in every file.

Only what is told by them is ever removed. Folders of earlier versions had no list: they are told by
a file that only nas writes, and hold nothing but the files that those versions wrote.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path

LISTED = ".nas-files"
"""In every folder that nas makes: the files that it wrote there."""
MADE = "made by nas"
"""In every single file that nas makes."""
HASH = "[0-9a-f]" * 12
LATER = ("report.html", "study.db-wal", "study.db-shm", "*.pyc", ".DS_Store", "Thumbs.db")
"""Files that come into a finished folder: a report, what reading and looking at it leaves."""

#: the folders of earlier versions, which had no list: a file that tells one, and has a key
#: `schema`, and what else is in it (NAME: the folder's own name); where several tell, all of theirs
OLD_FOLDERS = {
    "study.yaml": f"best.yaml trained.yaml weights.safetensors trials.csv study.db pareto.csv"
    f" pareto.png pareto.svg pareto/{HASH}.yaml trials/{HASH}/arch.yaml trials/{HASH}/seed*/log.csv"
    f" trials/{HASH}/seed*/weights.safetensors",
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
#: what tells a file of an earlier version, beside `MADE`
OLD_TEXTS = (MADE, "network,ms,arch_id,device,runtime,version,precision")


def foreign_files(folder: Path) -> Iterator[str]:
    """What nas did not write in a folder: relative paths, all of them if nas did not make it."""
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
    """Leave in a folder the list of its files, which says that nas made them."""
    (folder / LISTED).unlink(missing_ok=True)
    names = sorted(_files(folder))
    (folder / LISTED).write_text(json.dumps({"files": names}, indent=0) + "\n", encoding="utf-8")


def remove_ours(folder: Path) -> None:
    """Remove the files that nas wrote in a folder, and what is empty then; the list comes last."""
    kept = set(foreign_files(folder))
    if _listed(folder) is None and not kept:
        list_files(folder)  # a kill on the way leaves what can be told
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
    """All files and links below a folder, by relative path; the list is not among them."""
    for where, folders, files in os.walk(folder, onerror=_raise):
        links = [name for name in folders if (Path(where) / name).is_symlink()]
        for name in (*files, *links):
            path = (Path(where) / name).relative_to(folder).as_posix()
            if path != LISTED:
                yield path


def _raise(error: OSError) -> None:
    raise error


def _listed(folder: Path) -> set[str] | None:
    """The files of a folder's list; None where there is none that can be read."""
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
    """The first and the last bytes of a file, as text."""
    with path.open("rb") as file:
        first = file.read(size)
        file.seek(max(0, path.stat().st_size - size))
        return (first + file.read(size)).decode("utf-8", "replace")
