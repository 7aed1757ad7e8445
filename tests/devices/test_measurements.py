"""The measurement CSV: what is written is read back, and every mistake is named by its place."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.devices.measurements import (
    COLUMNS,
    MAX_MS,
    MIN_MS,
    PRECISIONS,
    Measurement,
    read_measurements,
    write_measurements,
)
from nas.errors import DocumentError, NasError, ResultError

BAD = {
    "empty file": ("", "m.csv line 1: column 'network' is missing, found nothing"),
    "only comments": ("# a\n", "m.csv line 1: column 'network' is missing, found nothing"),
    "no rows": ("network,ms\n", "m.csv: no rows"),
    "no ms": ("network,runs\na,1", "m.csv line 1: column 'ms' is missing"),
    "no network": ("ms\n1", "line 1: column 'network' is missing"),
    "repeated column": ("network,ms,ms\na,1,1", "line 1: column 'ms' is repeated"),
    "unknown column": ("network,ms,devise\na,1,x", "line 1: unknown column 'devise'; nearest: dev"),
    "microseconds": (
        "network,latency_us\na,1",
        "line 1: column 'latency_us'; expected the time in",
    ),
    "unit in brackets": ("network,ms (median)\na,1", "column 'ms (median)'; expected the time in"),
    "seconds": ("network,seconds\na,1", "in milliseconds per invocation"),
    "two times": ("network,ms,ms_us\na,1,1", "column 'ms_us'; expected the time in"),
    "semicolons": ("network;ms\na;1", "line 1: columns separated by ';'"),
    "unit in a number": ("network,ms\na,1.2 ms", "line 2 (ms): found '1.2 ms', expected millisec"),
    "decimal comma": (
        "network,ms\na,1,2",
        "line 2: found 3 cells, expected 2; write",
    ),
    "quoted decimal comma": ('network,ms\na,"1,2"', "line 2 (ms): found '1,2'"),
    "no figure": ("network,ms\na,n/a", "line 2 (ms): found 'n/a'"),
    "empty figure": ("network,ms\na,", "line 2 (ms): found ''"),
    "nan": ("network,ms\na,nan", "line 2 (ms): found 'nan'"),
    "infinite": ("network,ms\na,inf", "line 2 (ms): found 'inf'"),
    "overflow": ("network,ms\na,1e999", "line 2 (ms): found '1e999', expected 0.001 to 1e+06 ms"),
    "digits of another script": ("network,ms\na,١", "line 2 (ms): found '١'"),
    "negative": ("network,ms\na,-1", "line 2 (ms): found '-1', expected 0.001 to"),
    "zero": ("network,ms\na,0", "line 2 (ms): found '0', expected"),
    "seconds as ms": ("network,ms\na,0.0004", "line 2 (ms): found '0.0004'"),
    "no network name": ("network,ms\n,1", "line 2 (network): empty"),
    "half an interval": ("network,ms,ms_low\na,1,1", "expected ms_low and ms_high, or neither"),
    "interval beside": (
        "network,ms,ms_low,ms_high\na,1,2,3",
        "line 2: ms 1 is outside its interval 2 to 3",
    ),
    "quantile above": ("network,ms,ms_fast\na,1,2", "line 2 (ms_fast): found 2, above ms 1"),
    "half a thread": (
        "network,ms,threads\na,1,0.5",
        "line 2 (threads): found '0.5', expected a wh",
    ),
    "no batch": ("network,ms,batch\na,1,0", "line 2 (batch): found '0'"),
    "precision": ("network,ms,precision\na,1,fp23", "line 2 (precision): unknown precision 'fp23'"),
    "date": ("network,ms,date\na,1,31.12.2025", "line 2 (date): found '31.12.2025', expected a d"),
    "open quote": ('network,ms\n"a,1', "line 2: not readable as CSV"),
    "text after a quote": ('network,ms\n"a"b,1', "line 2: not readable as CSV"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_mistake_is_named_by_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NasError) as caught:
        read_measurements(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"network,ms\n\xff,1", "not UTF-8 text at byte 11"), (None, "No such file")],
)
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "m.csv"
    if content:
        path.write_bytes(content)
    with pytest.raises(DocumentError, match=message):
        read_measurements(path)


def test_only_network_and_ms_are_needed(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(b"\xef\xbb\xbf# mine\r\nnetwork, ms\r\n# a phone\r\nmobilenetv2 , 1.5\r\n")
    (row,) = read_measurements(path)
    assert row == Measurement("mobilenetv2", 1.5)
    assert (row.batch, row.threads, row.place) == (1, None, f"{path} line 4")


def test_rows_that_differ_in_a_condition_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("network,ms,batch\na,1,\na,1,2\na@192,1,1\n")
    assert [(row.name, row.side, row.batch) for row in read_measurements(path)] == [
        ("a", None, 1),
        ("a", None, 2),
        ("a", 192, 1),
    ]


def test_a_name_longer_than_a_file_may_have_is_no_file(tmp_path: Path) -> None:
    path, name = tmp_path / "m.csv", "a" * 300 + ".yaml"
    path.write_text(f"network,ms\n{name},1\n")
    assert [row.network for row in read_measurements(path)] == [name]


@pytest.mark.parametrize(
    ("network", "name", "side"),
    [
        ("timm:a_b", "timm:a_b", None),
        ("timm:a@192", "timm:a", 192),
        ("me@home/b.yaml", "me@home/b.yaml", None),
        ("a@0", "a@0", None),
    ],
)
def test_a_side_is_what_follows_the_last_at(network: str, name: str, side: int | None) -> None:
    row = Measurement(network, 1.0)
    assert (row.name, row.side) == (name, side)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8).filter(
    lambda text: not text.startswith("#")
)
MS = st.floats(MIN_MS, MAX_MS)


@st.composite
def measurements(draw: st.DrawFn) -> Measurement:
    fast, low, ms, high = sorted(draw(st.lists(MS, min_size=4, max_size=4)))
    interval = draw(st.booleans())
    count = st.none() | st.integers(1, 10**8)
    return Measurement(
        network="a" + draw(TEXT),
        ms=ms,
        device=draw(TEXT),
        precision=draw(st.sampled_from(("", *PRECISIONS))),
        threads=draw(count),
        batch=draw(st.integers(1, 4096)),
        ms_low=low if interval else None,
        ms_high=high if interval else None,
        ms_fast=draw(st.none() | st.just(fast)),
        runs=draw(count),
        date=draw(st.dates().map(str) | st.just("")),
        note=draw(TEXT),
    )


@given(rows=st.lists(measurements(), min_size=1, max_size=4, unique_by=lambda row: row.network))
def test_what_is_written_is_read_back(
    rows: list[Measurement], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("m") / "m.csv"
    write_measurements(path, rows, comments=["made by a test", "and not by a phone"])
    assert read_measurements(path) == rows
    assert path.read_text(encoding="utf-8").startswith("# made by a test\n# and not by a phone\n")


def test_columns_are_those_of_a_measurement() -> None:
    assert {*COLUMNS, "place"} == {column.name for column in fields(Measurement)}


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    write_measurements(path, [Measurement("a", 1.0)])
    with pytest.raises(UnicodeEncodeError):
        write_measurements(path, [Measurement("a", 2.0, note="\ud800")], force=True)
    assert [file.name for file in tmp_path.iterdir()] == ["m.csv"]
    assert read_measurements(path) == [Measurement("a", 1.0)]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResultError, match=r"m\.csv cannot be written"):
        write_measurements(tmp_path / "file" / "m.csv", [])


def test_repeats_are_one_row_with_their_range(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(
        "network,ms,runs,batch\n# x\na,1,5,1\n\na,2,7,1\na,4,1,1\na,9,1,2"
    )
    one, other = read_measurements(tmp_path / "m.csv")
    assert (one.ms, one.ms_low, one.ms_high, one.runs) == (2.0, 1.0, 4.0, 13)
    assert one.note == "median of 3 repeats: 1, 2, 4 ms"
    assert (other.ms, other.batch, other.note) == (9.0, 2, "")
