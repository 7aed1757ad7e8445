"""Features add up over rows, for single networks and for columns."""

from __future__ import annotations

import numpy as np
import pytest

from nas import load_arch
from nas.accuracy import FEATURES, features
from nas.arch import Arch, lower_row
from nas.blocks.conv import Conv, Linear, Pool
from nas.folders import named
from nas.graph import GraphBuilder

SEEDS = tuple(named("architecture"))


def row_sum(arch: Arch) -> np.ndarray:
    total, shape = np.zeros(len(FEATURES)), arch.input
    for row in arch.rows:
        g = GraphBuilder(shape, arch.input[1])
        shape = lower_row(g, row, g.input).shape
        total += np.array(features(g.graph()), float)
    return total


@pytest.mark.parametrize("name", SEEDS)
def test_features_of_rows_add_up_to_those_of_the_network(name: str) -> None:
    arch = load_arch(name)
    np.testing.assert_allclose(row_sum(arch), features(arch.graph), rtol=1e-12, atol=1e-12)


def test_capacity_piled_into_one_layer_counts_less() -> None:
    def root_macs(*widths: int) -> float:
        rows = (*(Conv(out=width, k=1) for width in widths), Pool(), Linear(out=10))
        graph = Arch("piled", "test", (16, 32, 32), rows).graph
        return float(features(graph)[FEATURES.index("root_macs")])

    # as many MACs in the 1 x 1 convolutions: 16 * 64 + 64 * 16 = 4 * 2 * 16 * 16
    assert root_macs(64, 16) < root_macs(*[16] * 8)


def test_depth_counts_the_wide_convolutions_of_each_octave() -> None:
    arch = load_arch("mobilenetv2")
    values = dict(zip(FEATURES, features(arch.graph), strict=True))
    # the stem and 17 depthwise convolutions, each at the stride of its output
    assert [values[f"depth{stage}"] for stage in range(1, 6)] == pytest.approx([2, 2, 3, 7, 4])
    assert all(values[f"gates{stage}"] == 0 for stage in range(1, 6))
