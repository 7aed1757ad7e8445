"""What sets the families apart: squeeze widths, residuals, and the inputs they refuse."""

from __future__ import annotations

import pytest
import torch

from nas.blocks import Row
from nas.blocks.attentivenas import AttentiveNAS
from nas.blocks.conv import Conv, Linear, NormLinear, Pool
from nas.blocks.edgenext import SDTA
from nas.blocks.efficientformerv2 import EfficientFormerV2Attention, EfficientFormerV2Down
from nas.blocks.efficientnet import FusedMBConv, MBConv
from nas.blocks.efficientvit import EfficientViT
from nas.blocks.exmobilevit import Keep, PoolKept
from nas.blocks.fasternet import FasterNet
from nas.blocks.fastvit import FastViTAttention, FastViTDown, FastViTHead, RepMixer
from nas.blocks.iformer import SHMA, BNConvNeXt
from nas.blocks.mobilenet import MV2, Bneck
from nas.blocks.mobilenetv4 import UIB, MobileMQA
from nas.blocks.mobilevit import MobileViT, _fold, _unfold
from nas.blocks.mobilevitv2 import MobileViTV2, fold, unfold
from nas.blocks.repvit import RepViT, RepViTDown, RepViTStem
from nas.blocks.shvit import SHViT, SHViTConv
from nas.blocks.starnet import Star
from nas.blocks.swiftformer import SwiftFormer, SwiftFormerConv
from nas.errors import ArchError
from nas.graph.graph import Graph, GraphBuilder
from nas.graph.ops import RESIDUAL
from nas.modules import build
from nas.space.arch import lower


def graph_of(row: Row, shape: tuple[int, int, int] = (24, 8, 8)) -> Graph:
    return lower([row.resolve(shape[0])], shape)[0]


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph.ops]


def width_of(graph: Graph, name: str) -> int:
    return next(op.shape[0] for op in graph.ops if op.name.endswith(name))


@pytest.mark.parametrize("block", [MV2, Bneck, MBConv])
def test_no_expansion_where_the_width_is_already_that(block: type[Row]) -> None:
    assert kinds(graph_of(block(out=16, exp=24))).count("conv") == 2  # type: ignore[call-arg]
    assert kinds(graph_of(block(out=16, exp=48))).count("conv") == 3  # type: ignore[call-arg]


def test_fused_mbconv_without_expansion_is_one_convolution() -> None:
    assert kinds(graph_of(FusedMBConv(out=16, exp=24))).count("conv") == 1


@pytest.mark.parametrize("block", [MV2, Bneck, MBConv, FusedMBConv])
def test_residual_only_where_the_shape_is_kept(block: type[Row]) -> None:
    assert "add" in kinds(graph_of(block(out=24)))  # type: ignore[call-arg]
    assert "add" not in kinds(graph_of(block(out=16)))  # type: ignore[call-arg]
    assert "add" not in kinds(graph_of(block(out=24, s=2)))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("row", "squeeze"),
    [
        (Bneck(exp=72, se=0.25), 24),  # 18 is rounded to 16, but that is below 90 % of it
        (MBConv(exp=72, se=0.25), 6),  # of the input's width, not rounded to 8
        (MBConv(exp=72, se=0.01), 1),
        (RepViT(se=0.75), 16),  # 18 without the 90 % rule
        (FastViTHead(se=0.05), 2),  # of its output's width, not rounded to 8
    ],
)
def test_squeeze_width_follows_the_reference_code(row: Row, squeeze: int) -> None:
    assert width_of(graph_of(row), "se.reduce.conv") == squeeze


@pytest.mark.parametrize(
    ("out", "s", "layers"),
    [(24, 1, []), (32, 1, ["conv"]), (24, 2, ["avg_pool"]), (32, 2, ["avg_pool", "conv"])],
)
def test_shortcut_of_attentivenas_is_pooled_and_projected_where_shapes_differ(
    out: int, s: int, layers: list[str]
) -> None:
    graph = graph_of(AttentiveNAS(out=out, s=s), (24, 7, 7))
    assert [op.kind for op in graph.ops if "shortcut" in op.name] == layers
    assert graph.ops[-1].role == ("" if layers else RESIDUAL)


def test_stem_and_downsampling_of_repvit_reduce_the_map() -> None:
    assert graph_of(RepViTStem(16), (3, 32, 32)).shape == (16, 8, 8)
    assert graph_of(RepViTDown(40)).shape == (40, 4, 4)


def test_channel_mixer_after_downsampling_keeps_the_ratio() -> None:
    graph = graph_of(RepViTDown(40, exp=72))
    assert width_of(graph, "block.channel_mixer.expand.conv") == 72
    assert width_of(graph, "repvit_down.channel_mixer.expand.conv") == 120


def test_bn_convnext_has_the_layers_of_uib_with_its_first_depthwise_alone() -> None:
    own, other = graph_of(BNConvNeXt(k=7, act="gelu")), graph_of(UIB(k_start=7, act="gelu"))
    assert [(op.kind, op.inputs, op.shape, op.attrs) for op in own.ops] == [
        (op.kind, op.inputs, op.shape, op.attrs) for op in other.ops
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (RepViT(out=32), "keeps width"),
        (RepViT(s=2), "keeps width"),
        (RepViTDown(40, s=1), "stride 2"),
        (RepViTDown(40, exp=60), "whole ratio"),
        (RepViTStem(15), "even width"),
        (RepViTStem(16, s=2), "stride 4"),
        (Star(out=32), "keeps width"),
        (AttentiveNAS(s=3), "stride 1 or 2"),
        (RepMixer(out=32), "repmixer keeps width"),
        (FastViTAttention(heads=5), "24 channels do not divide in 5 heads"),
        (FastViTDown(out=40), "do not divide in 24 groups"),
        (FasterNet(s=2), "fasternet keeps width"),
        (SwiftFormerConv(out=32), "swiftformer_conv keeps width"),
        (SwiftFormer(s=2), "swiftformer keeps width"),
        (SHViTConv(s=2), "keeps width"),
        (SHViT(out=32), "keeps width"),
        (SHViT(dim=25), "25 channels to attend to, but the map has 24"),
        (BNConvNeXt(out=32), "bn_convnext keeps width"),
        (SHMA(s=2), "shma keeps width"),
        (MobileViT(dim=16, layers=1, out=32), "keeps width"),
        (MobileViT(dim=16, layers=1, s=2), "keeps width"),
        (MobileViT(dim=16, layers=1, patch=3), "patch size 3 does not divide the 8x8 map"),
        (MobileViT(dim=18, layers=1), "18 channels do not divide in 4 heads"),
        (MobileViTV2(layers=1, out=32), "keeps width"),
        (MobileViTV2(layers=1, patch=3), "patch size 3 does not divide the 8x8 map"),
        (SDTA(heads=2, out=32), "keeps width"),
        (SDTA(heads=5), "24 channels do not divide in 5 heads"),
        (SDTA(heads=2, splits=7), "24 channels do not split in 7 groups of 4"),
        (EfficientFormerV2Attention(dim=18), "18 channels do not divide in 8 heads"),
        (
            EfficientFormerV2Attention(attention_stride=3),
            "attention_stride 3 does not divide the 8x8 map",
        ),
        (EfficientFormerV2Down(out=32, s=1), "stride 2"),
        (EfficientViT(heads=2, out=32), "keeps width"),
        (EfficientViT(heads=5), "24 channels do not divide in 5 heads"),
        (UIB(s=2), "needs a depthwise convolution"),
        (MobileMQA(dim=16, heads=2, out=32), "keeps width"),
        (MobileMQA(dim=16, heads=2, s=2), "keeps width"),
        (MobileMQA(dim=16, heads=3), "16 channels do not divide in 3 heads"),
        (Linear(10), "pooled vector"),
        (NormLinear(10), "pooled vector"),
    ],
)
def test_row_that_cannot_stand_there_is_refused(row: Row, reason: str) -> None:
    with pytest.raises(ArchError, match=f"row 1 .*{reason}"):
        graph_of(row)


@pytest.mark.parametrize(
    "row",
    [Conv(8), MV2(), RepViT(), MobileViT(dim=16, layers=1), Pool(), Keep(8), PoolKept(24)],
)
def test_row_that_needs_a_map_refuses_a_vector(row: Row) -> None:
    with pytest.raises(ArchError, match="row 2 .*needs a map, found a vector of 24"):
        lower([Pool(), row.resolve(24)], (24, 8, 8))


@pytest.mark.parametrize(
    ("start", "mid", "side"),
    [(None, None, None), (3, None, "start"), (None, 5, "mid"), (3, 5, "mid")],
)
def test_last_depthwise_convolution_of_uib_has_the_stride(
    start: int | None, mid: int | None, side: str | None
) -> None:
    ops = graph_of(UIB(k_start=start, k_mid=mid, s=2 if side else 1)).ops
    strides = {op.name.split(".")[-2]: op.attrs["s"] for op in ops if op.kind == "conv"}
    assert strides.keys() == {"expand", "project"} | {
        name for name, k in (("start", start), ("mid", mid)) if k
    }
    assert [name for name, s in strides.items() if s == 2] == ([side] if side else [])


def test_expansion_of_uib_is_never_left_out() -> None:
    assert kinds(graph_of(UIB(exp=24))).count("conv") == 2


def test_all_heads_share_one_key_and_value_of_a_smaller_map() -> None:
    graph = graph_of(MobileMQA(dim=32, heads=4, kv_stride=2))
    attend = next(op for op in graph.ops if op.kind == "attention")
    assert attend.in_shapes == ((4, 64, 8), (1, 16, 8), (1, 16, 8))


@pytest.mark.parametrize("patch", [1, 2, 4])
def test_folding_undoes_unfolding(patch: int) -> None:
    g = GraphBuilder((3, 4, 8))
    tokens = _unfold(g, g.input, patch)
    assert tokens.shape == (patch * patch, 32 // patch**2, 3)
    _fold(g, tokens, 4, 8, patch)
    images = torch.randn(2, 3, 4, 8)
    assert torch.equal(build(g.graph())(images), images)


@pytest.mark.parametrize("patch", [1, 2, 4])
def test_channels_first_folding_undoes_unfolding(patch: int) -> None:
    g = GraphBuilder((3, 4, 8))
    sequences = unfold(g, g.input, patch)
    assert sequences.shape == (3, patch * patch, 32 // patch**2)
    fold(g, sequences, 4, 8, patch)
    images = torch.randn(2, 3, 4, 8)
    assert torch.equal(build(g.graph())(images), images)


def test_a_sequence_holds_the_same_pixel_of_every_patch() -> None:
    g = GraphBuilder((1, 4, 4))
    _unfold(g, g.input, 2)
    pixels = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert build(g.graph())(pixels)[0, 1, :, 0].tolist() == [1, 3, 9, 11]
