"""The printer: aligned, whole numbers at any width, text as it is."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.report.tables.text import (
    TableRow,
    interval,
    millions,
    numbers,
    plus_minus,
    print_facts,
    print_json,
    print_table,
)

COLUMNS = ["network", *numbers("predicted\nms", "params\nM")]
ROWS: list[TableRow] = [["small", "0.50 [0.41, 0.63]", "1.27"], ["a large one", None, "1,021.46"]]


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_table_looks_like_this(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, ROWS, title="Two", total=["all", "", "1,022.73"])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "Two",
        "                     predicted    params",
        "network                     ms         M",
        "────────────────────────────────────────",
        "small        0.50 [0.41, 0.63]      1.27",
        "a large one                  -  1,021.46",
        "────────────────────────────────────────",
        "all                             1,022.73",
    ]


@pytest.mark.parametrize("width", [1, 10, 20, 30, 40, 79, 80, 200])
def test_no_number_is_cut_at_any_width(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(COLUMNS, ROWS)
    out = capsys.readouterr().out
    for cells in ROWS:
        assert all(cell in out for cell in cells[1:] if cell)


def test_long_text_wraps_to_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([*numbers("ms"), "source"], [["1.00", "many words " * 20]])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.count("words") for line in lines) == 20


def test_brackets_and_colons_are_text_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    cell = "[red]a[/red] [1] :smile: [/]"
    print_table(["x"], [[cell]], title="[b]t[/b]")
    out = capsys.readouterr().out
    assert cell in out
    assert "[b]t[/b]" in out


def test_facts_have_no_header(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts([("params", "5"), ("MACs", "12 M")])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["params  5", "MACs    12 M"]


def test_json_is_one_document_and_refuses_what_json_has_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_json({"ms": 1.5, "name": "größer"})
    assert json.loads(capsys.readouterr().out) == {"ms": 1.5, "name": "größer"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json(float("nan"))


def test_figures_look_like_this() -> None:
    assert interval(1.0, 0.909, 1.091) == "1.00 [0.91, 1.09]"
    assert plus_minus(75.24, 0.36) == "75.2 ± 0.4"
    assert millions(5_483_032) == "5.48"
    assert millions(8_365_620_000) == "8,365.62"


NUMBERS = st.from_regex(r"[0-9,.]{1,12}( \[[0-9.]{4}, [0-9.]{4}\])?", fullmatch=True)


@given(
    st.lists(st.tuples(st.text(max_size=60), NUMBERS, st.text(max_size=60), NUMBERS), max_size=4),
    st.integers(1, 120),
)
def test_any_text_is_printed_and_every_number_whole(rows: list[TableRow], width: int) -> None:
    out = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setenv("COLUMNS", str(width))
        columns = ["a", *numbers("b"), "c", *numbers("d")]
        print_table(columns, rows)
    for row in rows:
        assert row[1] in out.getvalue()
        assert row[3] in out.getvalue()


def test_two_long_texts_share_what_numbers_leave(capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["network", *numbers("ms" * 15), "row", *numbers("%")]
    print_table(columns, [["long-name-" * 6, "1.0", "1: a.word (another)", "9" * 12]])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) == 80
    assert "9" * 12 in " ".join(lines)
