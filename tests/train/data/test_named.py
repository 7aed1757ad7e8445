"""Named data sets, in the layouts that their packages have."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets

from nas.errors import DataError, UnknownNameError
from nas.train.data import load_data
from nas.train.data.fashion_mnist import DEBIAN
from nas.train.data.held import Held


def test_digits_need_nothing() -> None:
    data = load_data("digits")
    assert isinstance(data.train, Held)
    assert data.train.pixels.shape[1:] == (1, 8, 8)
    assert len(data.train.labels) + len(data.test.labels) == 1797
    assert not data.mirrored
    assert int(data.train.pixels.max()) == 255


def write_idx(path: Path, array: np.ndarray) -> None:
    """The format of MNIST's files."""
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    with gzip.open(path, "wb") as file:
        file.write(head + array.tobytes())


@pytest.mark.slow
def test_fashion_mnist_of_debian() -> None:
    if not DEBIAN.exists():
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    data = load_data("fashion-mnist")
    assert (len(data.train.labels), len(data.test.labels)) == (60_000, 10_000)
    assert torch.bincount(data.train.labels).tolist() == [6000] * 10
    assert data.classes[9] == "Ankle boot"
    assert data.mean == pytest.approx((0.2860,), abs=1e-4)  # as everybody normalises it
    assert data.sd == pytest.approx((0.3530,), abs=1e-4)


def test_fashion_mnist_from_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for kind, times in (("FashionMNIST", 2), ("MNIST", 1)):  # other images, the same names
        raw = tmp_path / kind / "raw"
        raw.mkdir(parents=True)
        for name, n in (("train", 20 * times), ("t10k", 10 * times)):
            pixels = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
            write_idx(raw / f"{name}-images-idx3-ubyte.gz", pixels)
            write_idx(raw / f"{name}-labels-idx1-ubyte.gz", np.arange(n, dtype=np.uint8) % 10)
    monkeypatch.setattr(datasets.FashionMNIST, "download", pytest.fail)
    for download in (False, True):  # what is there is not fetched again
        data = load_data("fashion-mnist", root=tmp_path, download=download)
        assert (len(data.train.labels), len(data.test.labels), data.side) == (40, 20, 28)


def test_a_damaged_file_of_fashion_mnist_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(99))[:-9])
    with pytest.raises(DataError, match="fashion-mnist: Compressed file ended"):
        load_data("fashion-mnist", root=tmp_path)


def test_cifar_from_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files in the authors' layout; their checksums stand for the real ones."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    contents: dict[str, dict[str, object]] = {
        "batches.meta": {"label_names": ["cat", "dog"]},
        "data_batch_1": {"data": rng.integers(0, 256, (6, 3072), np.uint8), "labels": [0, 1] * 3},
        "test_batch": {"data": rng.integers(0, 256, (4, 3072), np.uint8), "labels": [0, 1] * 2},
    }
    sums = {}
    for name, content in contents.items():
        (folder / name).write_bytes(pickle.dumps(content))
        sums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
    kind = datasets.CIFAR10
    monkeypatch.setattr(kind, "train_list", [["data_batch_1", sums["data_batch_1"]]])
    monkeypatch.setattr(kind, "test_list", [["test_batch", sums["test_batch"]]])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": sums["batches.meta"]}
    monkeypatch.setattr(kind, "meta", meta)
    data = load_data("cifar10", root=tmp_path)
    assert data.classes == ("cat", "dog")
    assert (len(data.train.labels), data.side) == (6, 32)
    (folder / "test_batch").write_bytes(b"of somebody else")  # never unpickled
    with pytest.raises(DataError, match="cifar10"):
        load_data("cifar10", root=tmp_path)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "imagenette", "imagenet"])
def test_what_is_not_there_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=rf"{name}: .*--data-root"):
        load_data(name, root=tmp_path)


@pytest.mark.parametrize(("name", "folder"), [("imagenette", "imagenette2-160"), ("imagenet", "")])
def test_a_named_set_without_its_test_split_is_not_split(
    tmp_path: Path, name: str, folder: str
) -> None:
    (tmp_path / folder / "train" / "cat").mkdir(parents=True)
    with pytest.raises(DataError, match=rf"{name}: expected folders train and val in .*no val"):
        load_data(name, root=tmp_path)


def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="nearest: fashion-mnist"):
        load_data("fashion_mnist")
    with pytest.raises(DataError, match="expected a folder of images, or an .npz file"):
        load_data(tmp_path / "nothing")
