"""A device folder as it was fitted, and what an edit by hand does to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nas.errors import DocumentError
from nas.files.resources import data_dir, named
from nas.latency.device import EDITED, load_device
from nas.latency.fit.write import write_device
from nas.library import load_arch

SHIPPED = data_dir("predictors") / "iphone12-lut"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shipped device, to be edited."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "mine"))


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that stands in the file."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("name", named("device"))
def test_every_shipped_device_is_as_it_was_fitted(name: str) -> None:
    device = load_device(name)
    assert device.name == name
    assert not device.edited
    assert {"trivial", "hash"} <= set(device.info)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    device = load_device(SHIPPED)
    info = {key: value for key, value in device.info.items() if key != "hash"}
    write_device(tmp_path, info, device.table.values())
    again = load_device(tmp_path)
    assert (again.info, again.table, again.edited) == (device.info, device.table, False)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("kernels.csv", "conv,", "conv,1"),
        ("device.yaml", "level: 0.9", "level: 0.8"),
        ("device.yaml", "fixed_ms: 0.", "fixed_ms: 1."),
        ("device.yaml", "  median_error_pct: ", "  median_error_pct: 1"),
    ],
    ids=["costs", "interval", "fixed part", "error"],
)
def test_an_edit_of_what_was_fitted_is_flagged(folder: Path, file: str, old: str, new: str) -> None:
    edit(folder / file, old, new)
    device = load_device(folder)
    assert device.edited
    assert device.predict(load_arch("mobilenetv2")).flags[0] == EDITED


def test_an_edit_of_a_text_is_none_of_what_was_fitted(folder: Path) -> None:
    edit(folder / "device.yaml", "name: iphone12-lut", "name: mine")
    assert not load_device(folder).edited


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("batch: 1", "batch: 1.5", ("batch", "whole number")),
        ("threads: null", "threads: 0", ("threads", "whole number")),
        ("  level: 0.9", "  level: none", ("interval.level", "a number from 0.01 to 0.999")),
        ("  within_5_pct: ", "  within_5_pct: 9", ("held_out.within_5_pct", "to 100")),
        ("  spearman: 0", "  spearman: 7", ("held_out.spearman", "from -1 to 1")),
        ("  ms_per_mmac: ", "  ms_per_mmac: -", ("trivial.ms_per_mmac", "from 0")),
    ],
    ids=["batch", "threads", "text", "share", "rank", "negative"],
)
def test_what_is_out_of_range_is_an_error_that_names_the_key(
    folder: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    edit(folder / "device.yaml", old, new)
    with pytest.raises(DocumentError) as error:
        load_device(folder)
    assert all(word in str(error.value) for word in ("device.yaml", *words)), error.value
