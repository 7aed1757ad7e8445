"""`nas profile`: bad input is named before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Nas


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--runtime", "tflite"), "--runtime: unknown runtime 'tflite'; nearest: litert"),
        (("--space", "mobil"), "unknown space 'mobil'; nearest: mobile"),
    ],
)
def test_bad_names_are_named(
    nas: Nas, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = nas("profile", *arguments, "--out", str(tmp_path / "here"))
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not any(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(nas: Nas, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = nas("profile", "--out", str(tmp_path / "file" / "here"))
    assert (done.code, done.out) == (2, "")
    assert "here cannot be written: " in done.err


def test_a_device_that_exists_is_kept(nas: Nas, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    done = nas("profile", "--out", str(tmp_path / "here"))
    assert done.code == 2
    assert "exists and is kept; choose another name, or --force" in done.err


@pytest.mark.parametrize("option", [("--threads", "0"), ("--minutes", "0")])
def test_numbers_out_of_range_are_refused(
    nas: Nas, tmp_path: Path, option: tuple[str, ...]
) -> None:
    assert nas("profile", *option, "--out", str(tmp_path / "here")).code == 2
