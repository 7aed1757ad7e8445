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
    shutil.rmtree(path / "val")
    with pytest.raises(DataError, match="found no val"):
        load_data(path)
    (path / "empty" / "train").mkdir(parents=True)
    (path / "empty" / "val").mkdir()
    with pytest.raises(DataError, match="expected a folder for each class, found none"):
        load_data(path / "empty")
