"""A CSV of ours, read: cells by column, or one message that names file, line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import DocumentError
from nas.files.csv import append_csv, read_csv, write_csv

TEXT = "name,ms,n\na,0.5,3\nb,,-1\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(TEXT)
    return path


def test_cells_are_read_by_column(path: Path) -> None:
    first, second = read_csv(path, ("ms", "n"))
    assert (first.cells["name"], first.number("ms"), first.integer("n", 0, 9)) == ("a", 0.5, 3)
    assert (second.optional_number("ms"), second.optional_number("n")) == (None, -1.0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (TEXT, "", "line 1: column 'ms' is missing, found nothing"),
        ("name,ms", "ms,ms", "line 1: column 'ms' is repeated"),
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
        read_csv(path, ("ms", "n"))[0].number("ms")
    assert str(caught.value).startswith(f"{path} {message}")


def test_a_number_out_of_its_range_is_refused(path: Path) -> None:
    line = read_csv(path, ())[1]
    with pytest.raises(DocumentError, match=r"line 3 \(n\): found '-1', expected a number from 0"):
        line.number("n", 0, 9)
    with pytest.raises(DocumentError, match=r"\(n\): found '-1', expected a whole number from 0"):
        line.integer("n", 0, 9)


def test_a_name_that_no_file_has_is_refused(path: Path) -> None:
    path.write_text("file\na\0b.yaml\n")
    with pytest.raises(DocumentError, match="expected the name of a file"):
        read_csv(path, ("file",))[0].file(path.parent)


def test_a_file_outside_of_its_folder_is_refused(path: Path) -> None:
    path.write_text("file\nin/a.yaml\n../a.yaml\n")
    inside, outside = read_csv(path, ("file",))
    assert inside.file(path.parent) == path.parent / "in" / "a.yaml"
    with pytest.raises(DocumentError, match="leads out of"):
        outside.file(path.parent)


def test_what_is_written_and_appended_is_read_back(path: Path) -> None:
    write_csv(path, ("name", "ms"), [["a, b", 0.5], {"name": "c"}], ["made by hand"])
    append_csv(path, ("name", "ms"), ["d", None])
    assert path.read_text() == '# made by hand\nname,ms\n"a, b",0.5\nc,\nd,\n'
    rows = read_csv(path, ("name",), by_hand=True)
    assert [(row.cells["name"], row.optional_number("ms")) for row in rows] == [
        ("a, b", 0.5),
        ("c", None),
        ("d", None),
    ]


def test_a_new_file_gets_a_header_before_the_first_appended_row(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    append_csv(path, ("n",), [1])
    append_csv(path, ("n",), [2])
    assert path.read_text() == "n\n1\n2\n"


def test_a_row_of_other_columns_is_not_written(path: Path) -> None:
    for row in (["a", 1, 2], {"nome": "a"}):
        with pytest.raises(ValueError, match="argument 2|not in fieldnames"):
            write_csv(path, ("name", "ms"), [row])


def test_comments_and_spaces_are_data_unless_the_file_is_written_by_hand(path: Path) -> None:
    path.write_text("name , n\n# a comment\n\n a, 3 \n")
    (row,) = read_csv(path, ("name", "n"), by_hand=True)
    assert (row.cells, row.where) == ({"name": "a", "n": "3"}, f"{path} line 4")
    with pytest.raises(DocumentError, match="line 1: column 'name' is missing, found name ,  n"):
        read_csv(path, ("name", "n"))


def test_a_closed_table_has_no_other_columns(path: Path) -> None:
    with pytest.raises(DocumentError, match="line 1: unknown column 'n'; valid: ms, name"):
        read_csv(path, ("name", "ms"), closed=True)


def test_names_and_signs_are_checked(path: Path) -> None:
    row = read_csv(path, ())[1]
    with pytest.raises(DocumentError, match=r"line 3 \(name\): unknown letter 'b'; valid: a, c"):
        row.name("name", "letter", ("a", "c"))
    with pytest.raises(DocumentError, match=r"\(n\): found '-1', expected a number above 0"):
        row.positive("n")


def test_only_what_may_be_infinite_is_read_as_such(path: Path) -> None:
    path.write_text("x\n-inf\n")
    (row,) = read_csv(path, ("x",))
    assert row.number("x", finite=False) == float("-inf")
    with pytest.raises(DocumentError, match="found '-inf', expected a number"):
        row.number("x")
