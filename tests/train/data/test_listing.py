"""Which files of a folder are images, and what is left out."""

from __future__ import annotations

import shutil

import pytest

from nas.errors import DataError
from nas.train.data import load_data
from nas.train.data.listing import list_images

from .conftest import Folder


def test_nothing_left_out_needs_no_note(folder: Folder) -> None:
    classes, (train, val), left_out = list_images(folder())
    assert classes == ("blue", "red")
    assert (len(train.paths), len(val.paths)) == (12, 12)
    assert left_out.note == ""


def test_links_are_followed_and_loops_are_not(
    folder: Folder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = folder()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    red = path / "train" / "red"
    shutil.move(red, elsewhere / "red")
    red.symlink_to(elsewhere / "red")  # a class
    (elsewhere / "more").mkdir()
    shutil.copy(red / "0.png", elsewhere / "more" / "0.png")
    (red / "more").symlink_to(elsewhere / "more")
    (red / "again").symlink_to(elsewhere / "more")
    (elsewhere / "more" / "back").symlink_to(red)
    (red / "up").symlink_to(path)
    (red / "9.png").symlink_to(red / "1.png")  # a file
    _, (train, _), left_out = list_images(path)
    assert train.labels.count(1) == 6 + 1 + 1
    for name in ("again/back", "more", "up"):
        assert f"train/red/{name} (read already)" in left_out.note


def test_files_in_no_class_are_counted(folder: Folder) -> None:
    path = folder()
    shutil.copy(path / "train" / "red" / "0.png", path / "train" / "loose.png")
    (note,) = load_data(path).notes
    assert note.endswith("left out files in no class folder: 1")


def test_empty_classes_are_all_named_with_what_is_in_them(folder: Folder) -> None:
    path = folder()
    for part in ("train", "val"):
        for number in range(7):
            (path / part / f"empty{number}").mkdir()
    (path / "train" / "empty0" / "a.heic").write_bytes(b"")
    message = r"train: no image of class empty0, .*empty4 and 2 more .*\.heic 1"
    with pytest.raises(DataError, match=message):
        load_data(path)


def test_a_class_that_no_document_could_name_is_refused(folder: Folder) -> None:
    path = folder()
    for part in ("train", "val"):
        (path / part / "red").rename(path / part / "caf\udce9")
    with pytest.raises(DataError, match="its name is not UTF-8"):
        load_data(path)
