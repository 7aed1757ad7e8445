"""A sheet keeps kinds of figures apart, and its rows add up to the whole."""

from __future__ import annotations

import pytest

from nas import library
from nas.graph.cost import params
from nas.report.tables.network import summarise
from nas.space.arch import Arch


def test_rows_add_up_to_the_network_as_trained_and_as_fused(representative: Arch) -> None:
    trained, fused = summarise(representative).rows, summarise(representative, fused=True).rows
    assert sum(row["params"] for row in trained) == representative.params
    assert sum(row["macs"] for row in trained) == representative.macs
    assert sum(row["params"] for row in fused) == params(representative.fused)


def test_rows_state_the_shape_that_reaches_them(representative: Arch) -> None:
    rows = summarise(representative).rows
    assert rows[0]["in"] == f"{representative.input[1]}x3"
    assert len(rows) == len(representative.rows)
    assert [row["op"] for row in rows] == [row.op for row in representative.rows]


def test_what_nobody_asked_for_is_none() -> None:
    content = summarise(library.load_arch("mobilenetv2")).as_json()
    for key in ("device", "ms", "ms_low", "ms_high", "top1", "top1_sd"):
        assert content[key] is None
    assert all(row["ms"] is None for row in content["rows"])


def test_column_at_its_default_everywhere_is_left_out() -> None:
    assert summarise(library.load_arch("mobilevit-s")).columns == [
        *("k", "exp", "out", "act", "s", "patch", "dim", "layers"),
    ]
    assert "se" not in summarise(library.load_arch("mobilenetv2")).columns
    assert "se" in summarise(library.load_arch("mobilenetv3-large")).columns


def test_estimate_and_published_figure_stand_apart() -> None:
    found = summarise(
        library.load_arch("mobilenetv3-large"), surrogate=library.load_surrogate("imagenet")
    )
    content = found.as_json()
    assert content["top1"] == pytest.approx(75.5, abs=2)
    assert 0 < content["top1_sd"] < 5
    figures = {figure["top1"] for figure in content["published"]}
    assert 75.2 in figures
    assert content["top1"] not in figures
    assert all(figure["source"] and figure["recipe"] for figure in content["published"])
