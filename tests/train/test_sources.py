"""What is known about training data and devices without torch."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from nas.errors import DataError, RuntimeUnavailableError, UnknownNameError
from nas.train.data import load_data
from nas.train.device import check_device, device_of
from nas.train.sources import check_source, name_of


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("dgits", UnknownNameError, "unknown data set 'dgits'; nearest: digits"),
        ("no/folder", DataError, "no/folder: expected a folder"),
        ("a.txt", DataError, "a.txt: expected a folder"),
        ("a.npz", DataError, "a.npz: no such file"),
    ],
)
def test_what_is_no_source_is_refused_before_and_while_reading(
    source: str,
    error: type[Exception],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a.txt").touch()
    monkeypatch.chdir(tmp_path)
    for check in (check_source, load_data):
        with pytest.raises(error, match=message):
            check(source)


def test_a_source_names_its_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert name_of("digits") == load_data("digits").name
    assert name_of("some/photos.npz") == "photos"
    assert name_of("some/photos/") == "photos"
    assert name_of(".") == tmp_path.name


@pytest.mark.parametrize("name", ["tpu", "cuda:x", "auto:0", "cpu:", ""])
def test_what_torch_cannot_train_on_is_refused_without_torch(name: str) -> None:
    for check in (check_device, device_of):
        with pytest.raises(UnknownNameError, match="unknown device to train on"):
            check(name)


@pytest.mark.parametrize("name", ["auto", "cpu", "cpu:0"])
def test_a_processor_is_there(name: str) -> None:
    check_device(name)


def test_a_torch_for_processors_alone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "2.9.0+cpu")
    with pytest.raises(RuntimeUnavailableError, match=r"torch 2\.9\.0\+cpu is built for CPUs"):
        check_device("cuda:1")
    check_device("cpu")
