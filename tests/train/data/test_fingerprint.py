"""A data set is known by what it holds, not by where it lies."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.train.data import folder as module
from nas.train.data import load_data

from .conftest import Folder

LABELS = np.arange(20) % 2


def arrays(path: Path, *, seed: int = 0, **more: object) -> str:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (20, 8, 8), dtype=np.uint8)
    np.savez(path, **{"images": images, "labels": LABELS, **more})
    return load_data(path).fingerprint


def test_arrays_are_known_by_pixels_labels_and_classes(tmp_path: Path) -> None:
    same = [arrays(tmp_path / name) for name in ("a.npz", "b.npz")]
    named = arrays(tmp_path / "c.npz", classes=np.array(["no", "yes"]))
    others = {
        arrays(tmp_path / "d.npz", seed=1),
        arrays(tmp_path / "e.npz", labels=1 - LABELS),
        named,
        same[0],
    }
    assert same[0] == same[1]
    assert len(others) == 4


@pytest.mark.parametrize("held", [True, False])
def test_a_folder_is_known_by_its_files_wherever_it_lies(
    folder: Folder,
    tmp_path_factory: pytest.TempPathFactory,
    held: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not held:
        monkeypatch.setattr(module, "HELD_BYTES", 0)
    first = folder()
    other = shutil.copytree(first, tmp_path_factory.mktemp("other") / "moved")
    for file in other.rglob("*.png"):
        os.utime(file, (0, 0))
    assert load_data(other).fingerprint == load_data(first).fingerprint


CHANGES: dict[str, Callable[[Path], object]] = {
    "added": lambda red: shutil.copy(red / "3.png", red / "9.png"),
    "removed": lambda red: (red / "3.png").unlink(),
    "renamed": lambda red: (red / "3.png").rename(red / "9.png"),
    "moved": lambda red: (red / "3.png").rename(red.parent / "blue" / "9.png"),
    "changed": lambda red: Image.new("RGB", (32, 24)).save(red / "3.png"),
}


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_the_files_is_another_set(
    folder: Folder, change: str, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not held:
        monkeypatch.setattr(module, "HELD_BYTES", 0)
    path = folder()
    before = load_data(path).fingerprint
    CHANGES[change](path / "train" / "red")
    assert load_data(path).fingerprint != before
