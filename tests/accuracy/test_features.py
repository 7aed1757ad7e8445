"""Features by hand, and of columns as of single networks."""

from __future__ import annotations

import numpy as np
import pytest

from nas import load_arch
from nas.accuracy import FEATURES, features
from nas.blocks.conv import Conv, Linear, Pool
from nas.blocks.efficientnet import MBConv
from nas.graph.graph import Place
from nas.modules.networks import load_network
from nas.space.arch import Arch, lower_alone
from nas.space.columns import lower_columns, opened


def test_features_of_two_convolutions_are_those_by_hand() -> None:
    rows = (Conv(out=16, act="hswish", s=2), Conv(out=64, k=5, s=2), Pool(), Linear(out=10))
    found = dict(zip(FEATURES, features(Arch("two", "test", (3, 32, 32), rows).graph), strict=True))
    macs = np.array([3 * 9 * 16 * 16**2, 16 * 25 * 64 * 8**2, 64 * 10])
    biases, classifier = 16 + 64, 64 * 10 + 10  # norms are folded
    expected = {
        "depth1": 1,
        "depth2": 1,
        "width2": 1,  # 64 channels are twice as many as is usual at stride 4
        "kernel2": 1,
        "kernel_width2": 1,
        "params_m": (3 * 9 * 16 + 16 * 25 * 64 + biases + classifier) / 1e6,
        "root_macs": np.sqrt(macs / 1e6).sum(),
        "activations": 1,
        "smooth": 1,
        "dense": np.log2(3) + np.log2(16),
        "head": np.log2(64),
    }
    assert found == pytest.approx(dict.fromkeys(FEATURES, 0) | expected)


@pytest.mark.parametrize(
    ("name", "gates"),
    [
        ("mobilenetv3-large", 8),
        ("mobilenetv3-small", 9),
        ("efficientnet-b0", 16),
        ("mobilenetv2", 0),
        ("transnext-micro", 0),  # it multiplies, but not by what it squeezed
    ],
)
def test_gates_are_squeeze_and_excitations(name: str, gates: int) -> None:
    values = dict(zip(FEATURES, features(load_arch(name).graph), strict=True))
    assert sum(values[f"gates{stage}"] for stage in range(1, 6)) == pytest.approx(gates)


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


@pytest.mark.parametrize(
    ("name", "gates"),
    [
        ("mobilenetv3-large", 8),
        ("efficientnet-b0", 16),
        ("repvit-m0.9", 10),
        ("transnext-micro", 0),
    ],
)
def test_gates_count_squeeze_and_excitations_only(name: str, gates: int) -> None:
    values = dict(zip(FEATURES, features(load_arch(name).graph), strict=True))
    assert sum(values[f"gates{stage}"] for stage in range(1, 6)) == pytest.approx(gates)


def test_columns_of_rows_have_the_features_of_the_single_rows() -> None:
    rows = [MBConv(out=out, exp=exp, k=5, se=0.25, s=2) for out, exp in ((24, 96), (40, 144))]
    sides, widths_in = (112, 96), (16, 24)
    shape = (np.array(widths_in), np.array(sides), np.array(sides))
    place = Place(shape, np.array([224, 192]), np.zeros(2, int))
    open_widths = np.array([opened((row,)) for row in rows]).T
    parts = lower_columns(rows[:1], open_widths, place, {"f": features})
    table = np.empty((2, len(FEATURES)))
    for index, _, folded in parts:
        table[index] = np.stack([np.broadcast_to(f, len(index)) for f in folded["f"]], axis=1)
    for i, row in enumerate(rows):
        alone = Place((widths_in[i], sides[i], sides[i]), (224, 192)[i])
        graph, _ = lower_alone([row], alone)
        np.testing.assert_allclose(table[i], features(graph), rtol=1e-12)


def test_tokens_count_for_the_stage_of_their_map() -> None:
    values = dict(zip(FEATURES, features(load_arch("vit-b16").graph), strict=True))
    # the patches, and 12 layers of 4 linear layers on 197 tokens, about 14 x 14
    assert values["mixing4"] == pytest.approx(49, abs=0.2)
    assert values["attention"] == 12
    assert sum(values[f"depth{stage}"] for stage in range(1, 6)) == 0


def test_merged_branches_are_no_capacity() -> None:
    values = dict(zip(FEATURES, features(load_arch("mobileone-s0").graph), strict=True))
    # 8 blocks of one depthwise convolution after the stem, whatever stood beside it in training
    assert sum(values[f"depth{stage}"] for stage in range(1, 6)) == 22
    assert values["params_m"] == pytest.approx(2.08, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("traced", "table"),
    [
        ("mobilenetv3_small_100", "mobilenetv3-small"),
        ("repvit_m0_9", "repvit-m0.9"),
        ("mobilevit_xxs", "mobilevit-xxs"),
        ("mobileone_s0", "mobileone-s0"),
    ],
)
def test_a_table_and_its_traced_twin_have_the_same_features(traced: str, table: str) -> None:
    pytest.importorskip("timm")
    found, expected = load_network(f"timm:{traced}").graph, load_arch(table).graph
    assert dict(zip(FEATURES, features(found), strict=True)) == pytest.approx(
        dict(zip(FEATURES, features(expected), strict=True))
    )
