"""The table's schema: what is refused says file, row, column, what was found and expected."""

from __future__ import annotations

import time
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.blocks import BLOCKS, FIELDS
from nas.errors import NasError
from nas.files import yaml
from nas.space.arch import Arch, arch_of
from nas.space.table import COLUMNS, MAX_ROWS, parse_table

NAMES = ("in", "op", "k", "exp", "out", "se", "act", "s", "patch", "dim", "layers", "heads", "n")
DEFAULT = {"in": "32x3", "op": "conv", "k": "3", "out": "16", "s": "1", "n": "1"}


def table(row: str, **changed: str) -> str:
    """A table of one free row and a pooling row."""
    pool = ", ".join("pool" if name == "op" else "~" for name in NAMES)
    parts = {
        "name": "t",
        "source": "s",
        "input": "[3, 32, 32]",
        "columns": f"[{', '.join(NAMES)}]",
        "rows": f"\n  - {row}\n  - [{pool}]",
    }
    return "".join(f"{key}: {value}\n" for key, value in (parts | changed).items() if value)


def row(**cells: str) -> str:
    """A conv row with some cells changed (`inn` is the column `in`)."""
    found = DEFAULT | {"in" if name == "inn" else name: cell for name, cell in cells.items()}
    return f"[{', '.join(found.get(name, '~') for name in NAMES)}]"


VIT = {"op": "mobilevit", "out": "3", "dim": "8", "layers": "1", "heads": "2"}

BAD_CELLS: dict[str, tuple[dict[str, str], str]] = {
    "kernel 0": ({"k": "0"}, "(k): found 0, expected a whole number from 1 to 31"),
    "even kernel": ({"k": "4"}, "(k): found 4, expected an odd kernel size"),
    "negative kernel": ({"k": "-3"}, "(k): found -3, expected"),
    "huge kernel": ({"k": "1001"}, "(k): found 1001, expected"),
    "true as kernel": ({"k": "true"}, "(k): found True, expected"),
    "fractional kernel": ({"k": "3.0"}, "(k): found 3.0, expected"),
    "text as kernel": ({"k": "'3'"}, "(k): found '3', expected"),
    "sexagesimal kernel": ({"k": "1:30"}, "(k): found '1:30', expected"),
    "width 0": ({"out": "0"}, "(out): found 0, expected a width from 1 to 65536"),
    "negative width": ({"out": "-8"}, "(out): found -8, expected a width"),
    "huge width": ({"out": "999999999"}, "(out): found 999999999, expected a width"),
    "no width": ({"out": "~"}, "(out): found nothing, expected a value: conv has no default"),
    "mapping as width": ({"out": "{a: 1}"}, "(out): found {'a': 1}, expected a width"),
    "list in a choice": ({"out": "[[8]]"}, "(out): found [8], expected a width"),
    "fractional width": ({"out": "1e3"}, "(out): found 1000.0, expected a width"),
    "ratio that is none": ({"out": "1e1x"}, "(out): found '1e1x', expected a width"),
    "column that no op reads": ({"patch": "no"}, "(patch): found 'no', expected a whole number"),
    "ratio 0": ({"out": "0x"}, "(out): found '0x', expected a width"),
    "negative ratio": ({"out": "-2x"}, "(out): found '-2x', expected a width"),
    "ratio of nothing": ({"out": "x"}, "(out): found 'x', expected a width"),
    "ratio that is no number": ({"out": "nanx"}, "(out): found 'nanx', expected a width"),
    "infinite ratio": ({"out": "infx"}, "(out): found 'infx', expected a width"),
    "huge ratio": ({"out": "65x"}, "(out): found '65x', expected a width"),
    "SE 0": ({"op": "bneck", "se": "0"}, "(se): found 0, expected a fraction above 0"),
    "SE above 1": ({"op": "bneck", "se": "2"}, "(se): found 2, expected a fraction"),
    "SE true": ({"op": "bneck", "se": "true"}, "(se): found True, expected a fraction"),
    "unknown activation": ({"act": "swish"}, "(act): found 'swish', expected an activation: none"),
    "list as activation": ({"act": "[[relu]]"}, "(act): found ['relu'], expected an activation"),
    "stride 0": ({"s": "0"}, "(s): found 0, expected a whole number from 1 to 4"),
    "huge stride": ({"s": "32"}, "(s): found 32, expected"),
    "empty choice": ({"k": "[]"}, "(k): found an empty list, expected"),
    "unknown op": ({"op": "bnek"}, "(op): unknown op 'bnek'; nearest: bneck"),
    "no op": ({"op": "~"}, "(op): unknown op None"),
    "no op to choose": ({"op": "[]"}, "(op): unknown op []"),
    "mapping as op": ({"op": "{a: 1}"}, "(op): unknown op {'a': 1}"),
    "list as op": ({"op": "[[conv]]"}, "(op): unknown op ['conv']"),
    "0 repeats": ({"n": "0"}, "(n): found 0, expected consecutive numbers, not 0 alone"),
    "negative repeats": ({"n": "-1"}, "(n): found -1, expected whole numbers from 0 to 64"),
    "too many repeats": ({"n": "65"}, "(n): found 65, expected whole numbers"),
    "true as repeats": ({"n": "true"}, "(n): found True, expected whole numbers"),
    "no repeats to choose": ({"n": "[]"}, "(n): found [], expected whole numbers"),
    "repeats with a hole": ({"n": "[1, 3]"}, "(n): found [1, 3], expected consecutive numbers"),
    "repeated repeats": ({"n": "[1, 1]"}, "(n): found [1, 1], expected consecutive numbers"),
    "in that disagrees": ({"inn": "31x3"}, "(in): the table says 31x3, the rows above yield 32x3"),
    "text as in": ({"inn": "foo"}, "(in): found 'foo', expected '56x24' (side x channels)"),
    "negative in": ({"inn": "-32x3"}, "(in): found '-32x3', expected"),
    "in of four sizes": ({"inn": "1x2x3x4"}, "(in): found '1x2x3x4', expected"),
    "in of odd digits": ({"inn": "³²x3"}, "(in): found '³²x3', expected"),
    "huge in": ({"inn": "9" * 99 + "x3"}, "(in): found '99999"),
    "true as in": ({"inn": "true"}, "(in): found True, expected"),
    "patch that does not divide": ({**VIT, "patch": "5"}, "patch size 5 does not divide the 32x32"),
    "patch 0": ({**VIT, "patch": "0"}, "(patch): found 0, expected a whole number from 1 to 64"),
    "heads that do not divide": ({**VIT, "heads": "3"}, "8 channels do not divide in 3 heads"),
    "transformer without width": ({**VIT, "dim": "~"}, "(dim): found nothing, expected a value"),
    "strided mobilevit": ({**VIT, "s": "2"}, "mobilevit keeps width and resolution"),
    "linear on a map": ({"op": "linear"}, "linear needs a pooled vector"),
    "strided repvit": ({"op": "repvit", "s": "2"}, "use repvit_down to change them"),
    "odd stem": ({"op": "repvit_stem", "out": "7", "s": "4"}, "an even width"),
    "broken ratio": ({"op": "repvit_down", "exp": "4", "s": "2"}, "a whole ratio of its input"),
    "too many choices": (
        {"k": "[1, 3, 5]", "out": str([*range(1, 9001)])},
        "(all): found 27000 combinations, expected at most 20000",
    ),
}  # fmt: skip


def message_of(text: str) -> str:
    with pytest.raises(NasError) as caught:
        Arch.from_yaml(text, "net.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    return str(caught.value)


@pytest.mark.parametrize(("cells", "message"), BAD_CELLS.values(), ids=BAD_CELLS)
def test_bad_cell_is_refused_with_row_and_column(cells: dict[str, str], message: str) -> None:
    found = message_of(table(row(**cells)))
    assert found.startswith("net.yaml row 1 (")
    assert message in found


BAD_TABLES: dict[str, tuple[dict[str, str], str]] = {
    "no source": ({"source": ""}, "key 'source' is missing"),
    "blank source": ({"source": "' '"}, "(source): expected a line of text, found ' '"),
    "later version": ({"schema": "2"}, "(schema): expected 1, found 2"),
    "number as name": ({"name": "3"}, "(name): expected a line of text, found 3"),
    "control codes in the name": ({"name": '"\\e[2J"'}, "(name): expected a line of text"),
    "half a character in the name": ({"name": '"\\ud800"'}, "(name): expected a line of text"),
    "unknown key": ({"colums": "1"}, "unknown key 'colums'; nearest: columns"),
    "unknown column": ({"columns": "[in, op, kk]"}, "unknown column 'kk'"),
    "near column": ({"columns": "[in, op, layer]"}, "unknown column 'layer'; nearest: layers"),
    "list as column": ({"columns": "[in, op, [k]]"}, "unknown column ['k']"),
    "repeated column": ({"columns": "[op, k, k]"}, "(columns): a name is repeated"),
    "no op column": ({"columns": "[in, k]"}, "with 'op' among them"),
    "text as columns": ({"columns": "op"}, "(columns): expected a list"),
    "no rows": ({"rows": "[]"}, "(rows): expected rows, found []"),
    "mapping as rows": ({"rows": "{a: 1}"}, "(rows): expected rows"),
    "short row": ({"rows": "[[32x3, conv]]"}, "row 1: expected 13 cells (in, op, k"),
    "text as row": ({"rows": "[conv]"}, "row 1: expected 13 cells"),
    "null as row": ({"rows": "[~]"}, "row 1: expected 13 cells"),
    "unknown group": ({"rows": "[{some: []}]"}, "unknown key 'some'"),
    "no alternatives": ({"rows": "[{any: []}]"}, "(any): expected a list of groups"),
    "empty alternative": ({"rows": "[{any: [[]]}]"}, "(any): expected a list of groups"),
    "text as alternatives": ({"rows": "[{any: conv}]"}, "(any): expected a list of groups"),
    "nothing to choose": ({"rows": "[{either: []}]"}, "(either): expected a list of rows"),
    "input of two sizes": ({"input": "[3, 32]"}, "(input): expected [C, H, W]"),
    "input of size 0": ({"input": "[3, 0, 32]"}, "(input): expected [C, H, W]"),
    "negative input": ({"input": "[3, -1, 32]"}, "(input): expected [C, H, W]"),
    "huge input": ({"input": "[3, 100000, 32]"}, "(input): expected [C, H, W]"),
    "true in input": ({"input": "[3, true, 32]"}, "(input): expected [C, H, W]"),
    "choice of inputs": ({"input": "[[3, 32, 32], [3, 64, 64]]"}, "only a search space"),
    "text as expect": ({"expect": "5"}, "(expect): expected keys and values, found 5"),
    "unknown figure": ({"expect": "{flops: 1}"}, "(expect): unknown key 'flops'"),
    "negative figure": ({"expect": "{macs: -1}"}, "(expect.macs): expected a whole number from 0"),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "message"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_bad_table_is_refused_with_its_key(changed: dict[str, str], message: str) -> None:
    found = message_of(table(row(), **changed))
    assert found.startswith("net.yaml")
    assert message in found


def test_choice_in_an_architecture_is_refused() -> None:
    assert "only a search space has choices" in message_of(table(row(k="[3, 5]")))


def test_map_smaller_than_its_strides_ends_at_one_pixel() -> None:
    assert Arch.from_yaml(table(row(s="4", n="1"), input="[3, 1, 1]").replace("32x3", "~"))


def test_deeper_than_any_network_is_refused() -> None:
    rows = "\n  - " + "\n  - ".join([row(inn="~", n="64")] * (MAX_ROWS // 64 + 1))
    assert f"expected at most {MAX_ROWS}" in message_of(table("", rows=rows))


def test_widths_that_multiply_without_end_are_refused() -> None:
    rows = "\n  - " + "\n  - ".join([row(inn="~", out="64x")] * 9)
    assert "expected sizes up to 65536" in message_of(table("", rows=rows))


def test_repeats_keep_the_width_of_the_first() -> None:
    arch = Arch.from_yaml(table(row(out="2x", s="2", n="3")))
    assert [r.canonical()["out"] for r in arch.rows[:3]] == [6, 6, 6]
    assert [r.canonical()["s"] for r in arch.rows[:3]] == [2, 1, 1]


def test_refusing_a_vast_choice_takes_no_time() -> None:
    start = time.process_time()
    vast = str([*range(1, 5001)])
    message_of(table(row(op="bneck", out=vast, exp=vast, k="[1, 3, 5]")))
    assert time.process_time() - start < 5


@pytest.mark.parametrize("op", BLOCKS)
def test_every_column_of_an_op_is_in_the_schema(op: str) -> None:
    assert {field.name for field in fields(BLOCKS[op])} <= set(FIELDS) <= set(COLUMNS)


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70),
    st.floats(allow_nan=True),
    st.sampled_from([*BLOCKS, "relu", "none", "2x", "0.5x", "x", "32x3", "shared", "independent"]),
    st.text(max_size=3),
    st.lists(st.one_of(st.integers(1, 9), st.sampled_from(["conv", "2x"])), max_size=3),
    st.dictionaries(st.sampled_from(["any", "either", "a"]), st.integers(), max_size=1),
)


@given(st.data())
def test_any_cells_make_a_table_or_an_error(data: st.DataObject) -> None:
    columns = data.draw(st.lists(st.sampled_from(COLUMNS), min_size=3, max_size=8, unique=True))
    rows = st.lists(CELLS, min_size=len(columns), max_size=len(columns))
    content: dict[str, Any] = {
        "name": "t",
        "source": "s",
        "input": [3, 32, 32],
        "columns": [*columns, *(["op"] if "op" not in columns else [])],
        "rows": data.draw(st.lists(st.one_of(rows, CELLS), max_size=4)),
    }
    try:
        parse_table(content, "f")
    except NasError as error:
        assert str(error).startswith("f")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, CELLS)))
def test_any_row_makes_a_network_or_an_error(cells: dict[str, Any]) -> None:
    content = yaml.parse(table(row()), "f")
    found = dict(zip(NAMES, content["rows"][0], strict=True)) | cells
    content["rows"][0] = [found[name] for name in NAMES]
    try:
        arch = arch_of(parse_table(content, "f"))
        assert arch.params >= 0
        assert Arch.from_yaml(arch.to_yaml()) == arch
    except NasError as error:
        assert str(error).startswith("f")
