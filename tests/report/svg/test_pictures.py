"""Pictures of networks: a block a row, what the table says, differences, and nothing on top."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from nas import library
from nas.report.svg.comparison import align_rows, comparison_picture
from nas.report.svg.network import network_picture
from nas.report.svg.rows import drawn_rows, shown_columns
from nas.report.tables.network import summarise
from nas.space.arch import Arch

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [str(node.text) for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_every_network_has_a_block_a_row_of_its_width(representative: Arch) -> None:
    shown = summarise(representative)
    found = drawn_rows(shown, shown_columns([shown]))
    assert [block.op for block in found] == [row.op for row in representative.rows]
    assert found[-1].out == representative.graph.shape[0]
    svg = network_picture(shown)
    assert {str(block.out) for block in found} <= set(texts(svg))


def test_residual_connections_are_those_of_the_graph() -> None:
    found = drawn_rows(summarise(library.load_arch("mobilenetv2")), [])
    narrow = [(block.out, block.skip) for block in found]
    assert narrow[:5] == [(32, False), (16, False), (24, False), (24, True), (32, False)]
    assert sum(block.skip for block in found) == 10


def test_a_branch_that_ends_inside_a_row_is_no_residual_connection_around_it() -> None:
    found = drawn_rows(summarise(library.load_arch("repvit-m0.9")), [])
    assert {block.skip for block in found if block.op == "repvit_down"} == {False}
    assert {block.skip for block in found if block.op == "repvit"} == {True}


def test_with_a_device_there_are_milliseconds_and_their_interval() -> None:
    device = library.load_device("iphone12-lut")
    shown = summarise(library.load_arch("mobilenetv3-large"), device)
    found = texts(network_picture(shown))
    assert all(f"{row['ms']:.3f}" in found for row in shown.rows)
    assert any("90% interval" in text and "predicted" in text for text in found)
    assert "predicted ms" not in texts(network_picture(summarise(shown.arch)))


def test_a_hostile_name_stays_text() -> None:
    arch = replace(library.load_arch("mobilenetv2"), name='<script>alert("1")</script>')
    svg = network_picture(summarise(arch))
    assert "<script" not in svg
    assert arch.name in texts(svg)


def test_a_network_beside_itself_differs_nowhere() -> None:
    shown = summarise(library.load_arch("mobilenetv3-small"))
    svg = comparison_picture(shown, shown)
    assert "font-weight" not in "".join(line for line in svg.splitlines() if ">none<" in line)
    assert "#fff0b3" not in svg
    assert "stroke-dasharray" not in svg


def test_rows_of_one_resolution_are_paired_in_order() -> None:
    left, right = (
        drawn_rows(summarise(library.load_arch(name)), [])
        for name in ("mobilenetv2", "repvit-m0.9")
    )
    pairs = align_rows(left, right)
    assert [own for own, _ in pairs if own] == left
    assert [other for _, other in pairs if other] == right
    assert all(own.place == other.place for own, other in pairs if own and other)


def test_what_differs_is_marked_on_both_sides() -> None:
    old, new = (summarise(library.load_arch(f"mobilenetv3-{size}")) for size in ("small", "large"))
    svg = comparison_picture(old, new)
    assert svg.count("#fff0b3") > 20
    assert "dashed: no such row" in texts(svg)
    assert svg == comparison_picture(old, new)


@pytest.mark.slow
def test_of_a_traced_network_no_cell_is_said_to_differ() -> None:
    pytest.importorskip("timm")
    from nas.modules.networks import load_network

    traced = summarise(load_network("timm:mobilenetv2_100"))
    svg = comparison_picture(summarise(library.load_arch("mobilenetv2")), traced)
    assert "none" not in texts(svg)
