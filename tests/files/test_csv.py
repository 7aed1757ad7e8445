"""A CSV of ours, read: cells by column, or one message that names file, line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import DocumentError
from nas.files.csv import read_lines

TEXT = "name,ms,n\na,0.5,3\nb,,-1\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(TEXT)
    return path


def test_cells_are_read_by_column(path: Path) -> None:
    first, second = read_lines(path, ("ms", "n"))
    assert (first.cells["name"], first.number("ms"), first.whole("n", 0, 9)) == ("a", 0.5, 3)
    assert (second.maybe("ms"), second.maybe("n")) == (None, -1.0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (TEXT, "", "line 1: found 'nothing', expected one column 'ms'"),
        ("name,ms", "ms,ms", "line 1: found 'ms, ms, n', expected one column 'ms'"),
        ("0.5,3", "0.5", "line 2: found 2 cells, expected 3"),
        ("a,", '"a"x,', "line 2: not readable as CSV"),
        ("0.5", "nan", "line 2 (ms): found 'nan', expected a number"),
        ("0.5", "-1e999", "line 2 (ms): found '-1e999', expected a number"),
        ("0.5", "", "line 2 (ms): found '', expected a number"),
    ],
)
def test_a_mistake_is_named_by_file_line_and_column(
    old: str, new: str, message: str, path: Path
) -> None:
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(DocumentError) as caught:
        read_lines(path, ("ms", "n"))[0].number("ms")
    assert str(caught.value).startswith(f"{path} {message}")


def test_a_number_out_of_its_range_is_refused(path: Path) -> None:
    line = read_lines(path, ())[1]
    with pytest.raises(DocumentError, match=r"line 3 \(n\): found '-1', expected a number from 0"):
        line.number("n", 0, 9)
    with pytest.raises(DocumentError, match=r"\(n\): found '-1', expected a whole number from 0"):
        line.whole("n", 0, 9)


def test_a_name_that_no_file_has_is_refused(path: Path) -> None:
    path.write_text("file\na\0b.yaml\n")
    with pytest.raises(DocumentError, match="expected the name of a file"):
        read_lines(path, ("file",))[0].file(path.parent)


def test_a_file_outside_of_its_folder_is_refused(path: Path) -> None:
    path.write_text("file\nin/a.yaml\n../a.yaml\n")
    inside, outside = read_lines(path, ("file",))
    assert inside.file(path.parent) == path.parent / "in" / "a.yaml"
    with pytest.raises(DocumentError, match="leads out of"):
        outside.file(path.parent)
