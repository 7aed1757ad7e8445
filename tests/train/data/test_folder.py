"""Folders of image files, held or streamed, and every way they can be wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from nas.errors import DataError
from nas.train.data import folder as module
from nas.train.data import load_data
from nas.train.data.base import Crop, in_order
from nas.train.data.held import Held
from nas.train.data.streamed import Streamed

from .conftest import Folder


def test_a_folder_is_held_where_it_fits(folder: Folder) -> None:
    data = load_data(folder())
    assert isinstance(data.train, Held)
    assert data.classes == ("blue", "red")
    assert data.train.pixels.shape == (12, 3, 24, 24)
    assert data.side == 24
    assert data.mean[0] > data.mean[2]  # channel 0 stands out in one class of two


def test_the_folder_one_stands_in_has_a_name(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder())
    assert load_data(".").name == Path.cwd().name


@pytest.mark.parametrize("kind", ["none", "shift", "resized"])
def test_a_larger_one_is_streamed_with_the_same_images(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(module, "HELD_BYTES", 0)
    monkeypatch.setattr("nas.train.data.streamed.WORKERS", 0)
    path = folder()
    data = load_data(path)
    assert isinstance(data.train, Streamed)
    batches = list(data.train.batches(in_order(12, 5, 16), Crop(kind)))
    assert [len(labels) for _, labels in batches] == [5, 5, 2]
    for images, labels in batches:
        assert images.shape[1:] == (3, 16, 16)
        assert images.dtype == torch.uint8
        means = images.float().mean((2, 3))
        assert torch.equal(means[:, :2].argmax(1), labels)


@pytest.mark.slow
def test_workers_stream_and_name_a_damaged_file(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD_BYTES", 0)
    path = folder()
    data = load_data(path)
    assert sum(len(y) for _, y in data.train.batches(in_order(12, 5, 16))) == 12
    (path / "train" / "red" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(DataError, match=r"red/3\.png: no image that can be decoded") as caught:
        list(data.train.batches(in_order(12, 5, 16)))
    assert "\n" not in str(caught.value)


def test_held_and_streamed_see_the_same_middle(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder()
    ((held, _),) = load_data(path).train.batches(in_order(12, 12, 24))
    monkeypatch.setattr(module, "HELD_BYTES", 0)
    monkeypatch.setattr("nas.train.data.streamed.WORKERS", 0)
    monkeypatch.setattr("nas.train.data.streamed.TRAIN_SHARE", 1.0)
    ((streamed, _),) = load_data(path).train.batches(in_order(12, 12, 24))
    assert torch.equal(held, streamed)


def test_what_is_wrong_is_named(folder: Folder, tmp_path: Path) -> None:
    path = folder()
    (path / "train" / "red" / "3.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"red/3\.png: no image that can be decoded"):
        load_data(path)
    (path / "train" / "red" / "3.png").unlink()
    (path / "val" / "red").rename(path / "val" / "green")
    with pytest.raises(DataError, match=r"'red' \(1\) in train only; 'green' \(1\) in val only"):
        load_data(path)
    (path / "val" / "green").rename(path / "val" / "red")
    for image in (path / "val" / "red").iterdir():
        image.unlink()
    with pytest.raises(DataError, match="val: no image of class red"):
        load_data(path)
    for part in ("train", "val"):
        shutil.rmtree(path / part / "red")
    with pytest.raises(DataError, match="expected at least two classes, found 'blue'"):
        load_data(path)
    (path / "train").rename(path / "other")
    with pytest.raises(DataError, match="expected folders train and val, found no train"):
        load_data(path)
    (path / "empty" / "train").mkdir(parents=True)
    (path / "empty" / "val").mkdir()
    with pytest.raises(DataError, match="expected a folder for each class, found none"):
        load_data(path / "empty")


def unsplit(path: Path) -> Path:
    """The same folder with the images of a class in one folder."""
    for number, image in enumerate(sorted((path / "val").rglob("*.png"))):
        image.rename(path / "train" / image.parent.name / f"more{number}.png")
    shutil.rmtree(path / "val")
    for own in (path / "train").iterdir():
        own.rename(path / own.name)
    (path / "train").rmdir()
    return path


def pictures(split: Held) -> set[bytes]:
    return {image.numpy().tobytes() for image in split.pixels}


def test_class_folders_alone_are_split_the_same_way_each_time(folder: Folder) -> None:
    path = unsplit(folder(images=10))
    data, again = load_data(path), load_data(path)
    assert isinstance(data.train, Held)
    assert isinstance(data.test, Held)
    assert isinstance(again.test, Held)
    assert data.test.labels.tolist() == [0] * 4 + [1] * 4  # a fifth of every class
    assert pictures(data.test) == pictures(again.test)
    assert len(pictures(data.train) | pictures(data.test)) == 40
    (note,) = data.notes
    assert "20 % of every class (8 of 40 images) are the test split" in note
    assert "--split" in note
    assert data.source.endswith("20 % of every class set aside as test split (seed 0)")
    more = load_data(path, split=0.5)
    assert len(more.test.labels) == 20
    assert more.fingerprint == data.fingerprint


def test_the_statistics_are_those_of_the_training_images(folder: Folder) -> None:
    data = load_data(unsplit(folder()))
    assert isinstance(data.train, Held)
    means = data.train.pixels.float().mean((0, 2, 3)) / 255
    assert data.mean == pytest.approx(means.tolist(), abs=1e-3)


def test_streamed_class_folders_are_split_the_same_way(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = unsplit(folder())
    held = load_data(path)
    monkeypatch.setattr(module, "HELD_BYTES", 0)
    streamed = load_data(path)
    assert isinstance(streamed.test, Streamed)
    assert streamed.fingerprint == held.fingerprint
    assert torch.equal(streamed.test.labels, held.test.labels)


def test_a_folder_of_training_images_alone_is_split(folder: Folder) -> None:
    path = folder()
    shutil.rmtree(path / "val")
    data = load_data(path)
    assert data.classes == ("blue", "red")
    assert (len(data.train.labels), len(data.test.labels)) == (10, 2)


def test_a_class_may_be_called_train(folder: Folder) -> None:
    path = unsplit(folder())
    (path / "red").rename(path / "train")
    assert load_data(path).classes == ("blue", "train")


def test_what_cannot_be_split_is_named(folder: Folder) -> None:
    path = folder()
    with pytest.raises(DataError, match="comes with a test split; --split is for a folder"):
        load_data(path, split=0.3)
    with pytest.raises(DataError, match="digits comes with a test split"):
        load_data("digits", split=0.3)
    unsplit(path)
    with pytest.raises(DataError, match="expected a test split between 0 and 1, found 1"):
        load_data(path, split=1.0)
    for image in sorted((path / "red").iterdir())[2:]:
        image.unlink()
    with pytest.raises(DataError, match="class 'red' has 2 images; at least 3 are needed"):
        load_data(path)


@pytest.mark.parametrize("held_bytes", [module.HELD_BYTES, 0])
def test_damaged_images_are_named_together_or_left_out(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, held_bytes: int
) -> None:
    monkeypatch.setattr(module, "HELD_BYTES", held_bytes)
    path = folder(images=20)
    damaged = [path / "train" / "blue" / f"{number}.png" for number in range(12)]
    damaged.append(path / "val" / "red" / "3.png")
    for image in damaged:
        image.write_bytes(b"no image")
    with pytest.raises(DataError, match="13 damaged images") as refused:
        load_data(path)
    for image in damaged:
        assert f"{image.relative_to(path)}: no image that can be decoded" in str(refused.value)
    assert str(refused.value).endswith("--skip-damaged leaves damaged images out")
    data = load_data(path, skip_damaged=True)
    assert torch.bincount(data.train.labels).tolist() == [8, 20]
    assert torch.bincount(data.test.labels).tolist() == [20, 19]
    (note,) = data.notes
    assert "13 damaged images: train/blue/0.png" in note
    assert note.endswith("left out")
    for image in damaged:
        image.unlink()
    assert load_data(path).fingerprint == data.fingerprint


def test_a_class_of_damaged_images_alone_is_refused(folder: Folder) -> None:
    path = folder()
    for image in (path / "val" / "red").iterdir():
        image.write_bytes(b"no image")
    with pytest.raises(DataError, match="every image of class 'red' is damaged"):
        load_data(path, skip_damaged=True)
