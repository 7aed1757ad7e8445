"""What a graph launches: fused ops join a kernel, and work is counted once."""

from __future__ import annotations

import pytest

from nas.graph.cost import macs, params
from nas.graph.graph import GraphBuilder
from nas.graph.ops import KINDS, op_params
from nas.latency.kernels import KIND_CLASS, STORED, UNKNOWN, kernels
from nas.space.arch import Arch


def test_an_activation_joins_only_where_the_device_says() -> None:
    g = GraphBuilder((8, 14, 14))
    g.conv(g.input, 16, k=3, act="silu")
    assert [k.cls for k in kernels(g.graph(), 2, ["silu"])] == ["conv"]
    assert [k.cls for k in kernels(g.graph(), 2, [])] == ["conv", "elementwise"]


def test_an_activation_stays_where_another_op_reads_the_convolution() -> None:
    g = GraphBuilder((8, 14, 14))
    h = g.conv(g.input, 8)
    g.add("add", (h, g.act(h, "relu")), "sum")
    assert [k.cls for k in kernels(g.graph(), 2, ["relu"])] == ["pointwise", *["elementwise"] * 2]


def test_nothing_joins_across_rows() -> None:
    """Else rows lowered alone would not add up to the network."""
    g = GraphBuilder((8, 14, 14))
    g.row = 0
    h = g.conv(g.input, 8)
    g.row = 1
    g.act(h, "relu")
    assert [k.cls for k in kernels(g.graph(), 2, ["relu"])] == ["pointwise", "elementwise"]


def test_classes_of_a_squeeze_and_excitation() -> None:
    g = GraphBuilder((8, 14, 14))
    g.squeeze_excite(g.depthwise(g.input, k=3), 4)
    found = [k.cls for k in kernels(g.graph(), 2, ["relu", "sigmoid"])]
    assert found == ["depthwise", "pool", "linear", "linear", "elementwise"]


def test_bytes_of_a_convolution() -> None:
    g = GraphBuilder((10, 20, 20))
    g.conv(g.input, 30, norm=False)
    (kernel,) = kernels(g.graph(), 2, [])
    assert kernel.weight_mb == pytest.approx(2 * 10 * 30 / 1e6)
    assert kernel.activation_mb == pytest.approx(2 * (10 + 30) * 400 / 1e6)
    assert kernel.work(0.01)[4] == pytest.approx(kernel.activation_mb - 0.01)
    assert kernel.work(1.0)[4] == 0


def test_work_of_a_network_is_that_of_its_fused_graph(representative: Arch) -> None:
    found = list(kernels(representative.graph, 2, ["scale"]))
    assert sum(k.mmacs for k in found) == pytest.approx(macs(representative.fused) / 1e6)
    stored = sum(op_params(op) for op in representative.fused.ops if op.kind in STORED)
    weights = 2 * (params(representative.fused) - stored) / 1e6
    assert sum(k.weight_mb for k in found) == pytest.approx(weights)
    assert UNKNOWN not in {k.cls for k in found}


def test_only_traced_calls_without_a_block_have_no_class() -> None:
    """A device prices them by the nearest class and says so; groups decide a conv's class."""
    assert {*KINDS} - {*KIND_CLASS} - STORED == {"conv", "opaque", "product"}
