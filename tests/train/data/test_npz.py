from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.errors import DataError, NasError
from nas.train.data import load_data
from nas.train.data.held import Held

GOOD: dict[str, Any] = {
    "images": np.arange(10 * 12 * 12, dtype=np.uint64).astype(np.uint8).reshape(10, 12, 12),
    "labels": np.arange(10) % 2,
}


def write(path: Path, **changes: Any) -> Path:
    arrays = {name: value for name, value in (GOOD | changes).items() if value is not None}
    np.savez(path, **arrays)
    return path


def test_without_a_test_split_a_share_is_set_aside(tmp_path: Path) -> None:
    data = load_data(write(tmp_path / "mine.npz", classes=np.array(["a", "b"])))
    assert (len(data.train.labels), len(data.test.labels)) == (8, 2)
    assert data.classes == ("a", "b")
    assert "set aside" in data.source


def test_colour_images_with_a_test_split(tmp_path: Path) -> None:
    colour = np.zeros((10, 12, 16, 3), np.uint8)
    data = load_data(
        write(
            tmp_path / "mine.npz",
            images=colour,
            test_images=colour[:4],
            test_labels=np.array([0, 1, 0, 1]),
        )
    )
    assert isinstance(data.test, Held)
    assert data.test.pixels.shape == (4, 3, 12, 16)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": None}, "array 'labels' is missing"),
        ({"labels": np.arange(9)}, r"expected 10 whole numbers as labels, found int64 \(9,\)"),
        ({"labels": np.full(10, 0.5)}, "found float64"),
        ({"labels": np.arange(10) - 1}, "its labels are -1 to 8, expected 0 to"),
        ({"labels": np.arange(10) % 2 * 10**9}, "its labels are 0 to 1000000000, expected 0 to"),
        (
            {"labels": (np.arange(10) % 2).astype("u8") * (2**64 - 1)},
            "are 0 to 18446744073709551615",
        ),
        ({"labels": np.arange(10) % 2 * 7}, "expected 0 to 1 without a gap, found 7; number"),
        (
            {"labels": np.arange(10) % 2 * 7, "classes": np.array(["a", "b"])},
            "labels of the training split are 0 to 7, expected 0 to 1",
        ),
        ({"classes": np.array(["a", "a"])}, "classes: 'a' is there 2 times"),
        (
            {"classes": np.array([["a", "b"]])},
            r"classes: expected a list of names, found .*\(1, 2\)",
        ),
        ({"classes": np.array([0.5, 1.5])}, "classes: expected a list of names, found float64"),
        ({"labels": np.zeros(10, int)}, "expected at least two classes, found '0'"),
        ({"images": GOOD["images"].astype(float)}, "expected images as uint8, found float64"),
        ({"images": np.zeros((10, 12, 12, 2), np.uint8)}, r"found \(10, 12, 12, 2\)"),
        ({"images": np.zeros((0, 12, 12), np.uint8)}, r"found \(0, 12, 12"),
        ({"label": GOOD["labels"]}, "unknown array 'label'; nearest: labels"),
        ({"test_images": GOOD["images"]}, "expected test_images and test_labels"),
        (
            {"test_images": np.zeros((2, 9, 9), np.uint8), "test_labels": np.array([0, 1])},
            "differ in their size",
        ),
        ({"labels": np.array([None] * 10)}, "no arrays that can be read"),
        ({"labels": np.array([0] * 9 + [1])}, "class '1' has 1 image; at least 3"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(NasError, match=message):
        load_data(write(tmp_path / "mine.npz", **changes))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, **GOOD)
    whole = path.read_bytes()
    np.save(one := io.BytesIO(), GOOD["images"])
    for content in (b"PK no archive", whole[:60] + b"\xff" * 60 + whole[120:], one.getvalue()):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"mine\.npz: no arrays that can be read"):
            load_data(path)


def test_a_fifth_is_a_fifth_of_many(tmp_path: Path) -> None:
    n = 51_000
    many = {"images": np.zeros((n, 1, 1), np.uint8), "labels": np.arange(n) % 2}
    assert len(load_data(write(tmp_path / "mine.npz", **many)).test.labels) == n / 5


def test_names_may_be_bytes_and_some_may_have_no_image(tmp_path: Path) -> None:
    labels = np.arange(10) % 2 * 2
    data = load_data(write(tmp_path / "a.npz", labels=labels, classes=np.array([b"a", b"b", b"c"])))
    assert data.classes == ("a", "b", "c")


def test_a_size_that_is_not_there_is_refused_before_it_is_given_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w") as file:
        form = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6)}
        np.lib.format.write_array_header_1_0(file, form)
        file.write(bytes(100))
    with pytest.raises(DataError, match=r"\(images.npy\): declares 1,000,000,000,000 bytes, holds"):
        load_data(path)


def test_arrays_larger_than_the_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.train.data.npz.MEMORY_SHARE", 1e-9)
    with pytest.raises(DataError, match=r"expected .* GB at most, half of this machine's memory"):
        load_data(write(tmp_path / "mine.npz"))
