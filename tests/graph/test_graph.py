"""The graph and its builder."""

from __future__ import annotations

import pytest

from nas.errors import ArchError, UnknownNameError
from nas.graph.graph import GraphBuilder
from nas.space.arch import Arch


def test_ops_read_only_ops_before_them_and_see_their_shapes(representative: Arch) -> None:
    for graph in (representative.graph, representative.fused):
        for index, op in enumerate(graph.ops):
            assert all(source < index for source in op.inputs)
            assert op.in_shapes == tuple(graph.ops[source].shape for source in op.inputs)


def test_every_op_but_the_last_is_read(representative: Arch) -> None:
    for graph in (representative.graph, representative.fused):
        unread = [index for index, readers in enumerate(graph.consumers()) if not readers]
        assert unread == [len(graph.ops) - 1]


def test_names_are_unique_paths_of_identifiers(representative: Arch) -> None:
    names = [op.name for op in representative.graph.ops]
    assert len(set(names)) == len(names)
    assert all(part.isidentifier() for name in names for part in name.split("."))


def test_rows_of_ops_count_up_through_the_table(representative: Arch) -> None:
    rows = [op.row for op in representative.graph.ops]
    assert rows == sorted(rows)
    assert set(rows) == {-1, *range(len(representative.rows))}


def test_ops_are_named_after_their_scopes() -> None:
    g = GraphBuilder((3, 8, 8))
    with g.scope("row1_conv"):
        g.conv(g.input, 4, k=3, s=2, act="relu", name="stem")
    assert [op.name for op in g.graph().ops] == [
        "input",
        "row1_conv.stem.conv",
        "row1_conv.stem.norm",
        "row1_conv.stem.act",
    ]
    assert g.graph().shape == (4, 4, 4)


def test_consumers_are_all_readers_in_order() -> None:
    g = GraphBuilder((3, 8, 8))
    a = g.add("act", (g.input,), "a", fn="relu")
    b = g.add("add", (a, g.input), "b")
    g.add("mul", (b, a), "c")
    assert g.graph().consumers() == [[1, 2], [2, 3], [3], []]


def test_unknown_activation_names_the_nearest() -> None:
    g = GraphBuilder((3, 8, 8))
    with pytest.raises(UnknownNameError, match="nearest: hswish"):
        g.act(g.input, "h-swish")


def test_heads_that_do_not_divide_the_channels_are_refused() -> None:
    g = GraphBuilder((4, 8, 6))
    with pytest.raises(ArchError, match="6 channels do not divide in 4 heads"):
        g.attention(g.input, 4)
