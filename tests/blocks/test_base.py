"""How cells are checked, and how ratios become widths."""

from __future__ import annotations

from typing import Any

import pytest

from nas.blocks import FIELDS, Row
from nas.blocks.mobilenet import MV2
from nas.blocks.mobilevit import MobileViT
from nas.blocks.transnext import TransNeXt
from nas.errors import ArchError
from nas.graph.widths import Ratio


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("k", 5, 5),
        ("out", 24, 24),
        ("exp", "6x", Ratio(6)),
        ("exp", "1.5x", Ratio(1.5)),
        ("se", 1, 1.0),
        ("act", "none", "none"),
        ("heads", 4, 4),
    ],
)
def test_valid_cell_is_read(column: str, cell: Any, value: Any) -> None:
    assert FIELDS[column].parse(cell) == value


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        *(("k", cell) for cell in (0, -3, 4, 33, 3.0, "3", True, None)),
        *(("out", cell) for cell in (0, -8, 2.5, True, 65537, "8", "x", "0x", "-1x", "65x")),
        *(("out", cell) for cell in ("nanx", "infx", "1e3x")),
        *(("se", cell) for cell in (0, -0.25, 1.5, True, "0.25", float("nan"))),
        *(("act", cell) for cell in ("swish", "", 3, False)),
        *(("s", cell) for cell in (0, 5, 1.5)),
        *(("patch", cell) for cell in (0, 65)),
        *(("layers", cell) for cell in (0, 65)),
        *(("heads", cell) for cell in (0, 65)),
    ],
)
def test_cell_outside_its_domain_is_refused(column: str, cell: Any) -> None:
    with pytest.raises(ArchError, match="expected"):
        FIELDS[column].parse(cell)


def test_ratio_refers_to_the_input_width() -> None:
    assert MV2(out=32).resolve(24) == MV2(out=32, exp=144)
    assert MV2().resolve(24).out == 24


def test_ratio_may_refer_to_another_field() -> None:
    row = MobileViT(dim=Ratio(2), layers=1, ffn=Ratio(3))
    assert row.resolve(10) == MobileViT(dim=20, layers=1, out=10, ffn=60)
    assert MobileViT(dim=12, layers=1).resolve(10).ffn == 24


def test_ratio_may_refer_to_a_later_field_that_is_a_ratio() -> None:
    row = TransNeXt(layers=1, heads=1, patch=1, ffn=Ratio(4), out=Ratio(2))
    assert (row.resolve(12).out, row.resolve(12).ffn) == (24, 96)


def test_the_head_of_a_block_sets_class_variables_only() -> None:
    assert (MobileViT.op, MobileViT.relative_to) == ("mobilevit", {"ffn": "dim"})
    with pytest.raises(TypeError, match="Wrong: a row has no class variable 'width'"):

        class Wrong(Row, width=1):
            pass


def test_resolving_twice_changes_nothing() -> None:
    row = MV2(exp=Ratio(1.5)).resolve(24)
    assert row.resolve(24) is row
