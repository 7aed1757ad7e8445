"""Rules that hold for every block, on random rows and shapes."""

from __future__ import annotations

from dataclasses import MISSING, fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nas.blocks import BLOCKS, Row
from nas.blocks.attentivenas import AttentiveNAS
from nas.blocks.bit import BiT, BiTStem
from nas.blocks.conv import (
    BiasedConv,
    BiasedDown,
    Conv,
    ConvDown,
    LayerNorm,
    Linear,
    NormLinear,
    Pool,
    UnbiasedLinear,
)
from nas.blocks.convnext import ConvNeXt, ConvNeXtDown, ConvNeXtStem, LayerNormLinear
from nas.blocks.edgenext import SDTA, LocatedSDTA
from nas.blocks.efficientformerv2 import (
    EfficientFormerV2Attention,
    EfficientFormerV2Down,
    EfficientFormerV2FFN,
)
from nas.blocks.efficientnet import FusedMBConv, MBConv
from nas.blocks.efficientvit import EfficientViT, EfficientViTDown, HiddenLinear
from nas.blocks.exmobilevit import Keep, PoolKept
from nas.blocks.fasternet import FasterNet, PatchConv
from nas.blocks.fastvit import (
    ConditionalPosition,
    ConvFFN,
    FastViTAttention,
    FastViTDown,
    FastViTHead,
    RepMixer,
)
from nas.blocks.fbnet import FBNetV3
from nas.blocks.ghostnet import GhostNet
from nas.blocks.ghostnetv2 import GhostNetV2
from nas.blocks.ghostnetv3 import GhostNetV3, GhostNetV3Plain
from nas.blocks.iformer import SHMA, BNConvNeXt
from nas.blocks.lcnet import LCNet
from nas.blocks.mixnet import MixNet
from nas.blocks.mobilenet import MV2, Bneck, DwSeparable
from nas.blocks.mobilenetv4 import UIB, FusedIB, LinearNorm, MobileMQA
from nas.blocks.mobileone import MobileOne, MobileOneStem
from nas.blocks.mobilevit import MobileViT
from nas.blocks.mobilevitv2 import MobileViTV2
from nas.blocks.repghost import RepGhost
from nas.blocks.repvit import RepViT, RepViTDown, RepViTShallowDown, RepViTStem
from nas.blocks.resnet import Bottleneck, MaxPool
from nas.blocks.rexnet import ReXNet
from nas.blocks.shvit import SHViT, SHViTConv, SHViTDown
from nas.blocks.starnet import Star
from nas.blocks.swiftformer import DistilledNormLinear, SwiftFormer, SwiftFormerConv
from nas.blocks.swin import Swin
from nas.blocks.transnext import TransNeXt
from nas.blocks.vit import ViT
from nas.graph.cost import macs, params
from nas.graph.ops import ACTIVATIONS
from nas.graph.widths import Ratio
from nas.modules import build
from nas.space.arch import Arch

kernels = st.sampled_from([1, 3, 5, 7])
strides = st.sampled_from([1, 2, 3])
activations = st.sampled_from([*ACTIVATIONS, "none"])
ratios = st.sampled_from([None, 0.1, 0.25, 1.0])
widths = st.integers(1, 40) | st.sampled_from([1, 1.5, 2, 6]).map(Ratio)
whole_ratios = st.integers(1, 4).map(Ratio)
keep = st.just(Ratio(1))
branches = st.integers(1, 3)
parts = st.integers(1, 4)
patches = st.sampled_from([1, 2, 4])
optional_kernels = st.sampled_from([None, 3, 5])


@st.composite
def uibs(draw: DrawFn) -> UIB:
    start, mid = draw(optional_kernels), draw(optional_kernels)
    scale, s = draw(st.sampled_from([None, 1e-5])), draw(strides) if start or mid else 1
    return UIB(draw(widths), draw(widths), start, mid, draw(activations), scale, s)


@st.composite
def mobile_mqas(draw: DrawFn) -> MobileMQA:
    heads = draw(st.sampled_from([1, 2, 4]))
    return MobileMQA(heads * draw(st.integers(1, 6)), heads, draw(strides))


@st.composite
def mobilevits(draw: DrawFn) -> MobileViT:
    heads = draw(st.sampled_from([1, 2, 4]))
    return MobileViT(
        dim=heads * draw(st.integers(1, 6)),
        layers=draw(st.integers(1, 2)),
        k=draw(kernels),
        patch=draw(st.sampled_from([1, 2, 4])),
        ffn=draw(widths),
        heads=heads,
        act=draw(activations),
    )


@st.composite
def vits(draw: DrawFn) -> ViT:
    heads = draw(st.sampled_from([1, 2, 4]))
    return ViT(
        dim=heads * draw(st.integers(1, 6)),
        layers=draw(st.integers(1, 2)),
        heads=heads,
        patch=draw(st.sampled_from([1, 2, 4])),
        ffn=draw(widths),
    )


@st.composite
def swins(draw: DrawFn) -> Swin:
    heads = draw(st.sampled_from([1, 2, 4]))
    s, window = draw(st.sampled_from([(2, 1), (2, 2), (4, 1)]))
    return Swin(
        layers=draw(st.integers(1, 3)),
        heads=heads,
        window=window,
        out=heads * draw(st.integers(1, 6)),
        ffn=draw(widths),
        act=draw(activations),
        s=s,
    )


def sdtas(block: type[SDTA]) -> SearchStrategy[SDTA]:
    return st.builds(block, st.just(1), st.just(2), keep, widths, activations)


@st.composite
def transnexts(draw: DrawFn) -> TransNeXt:
    heads = draw(st.sampled_from([1, 2, 4]))
    s, patch = draw(st.sampled_from([(1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (4, 1)]))
    return TransNeXt(
        layers=draw(st.integers(1, 2)),
        heads=heads,
        patch=patch,
        ffn=draw(widths),
        out=heads * draw(st.integers(1, 6)),
        s=s,
    )


ROWS: dict[str, SearchStrategy[Row]] = {
    "conv": st.builds(Conv, widths, kernels, activations, strides),
    "conv_down": st.builds(ConvDown, widths, kernels, strides),
    "biased_conv": st.builds(BiasedConv, widths, kernels, activations, strides),
    "biased_down": st.builds(BiasedDown, widths, kernels, strides),
    "max_pool": st.builds(MaxPool, kernels, strides),
    "dw_separable": st.builds(DwSeparable, widths, kernels, activations, strides),
    "mv2": st.builds(MV2, widths, widths, kernels, activations, strides),
    "bneck": st.builds(Bneck, widths, widths, kernels, ratios, activations, strides),
    "mbconv": st.builds(MBConv, widths, widths, kernels, ratios, activations, strides),
    "fused_mbconv": st.builds(FusedMBConv, widths, widths, kernels, activations, strides),
    "fbnetv3": st.builds(FBNetV3, widths, widths, kernels, ratios, activations, strides),
    "attentivenas": st.builds(
        AttentiveNAS, widths, widths, kernels, ratios, activations, st.sampled_from([1, 2])
    ),
    "mixnet": st.builds(MixNet, widths, widths, parts, parts, parts, ratios, activations, strides),
    "lcnet": st.builds(LCNet, widths, kernels, ratios, activations, strides),
    "ghostnet": st.builds(GhostNet, widths, widths, kernels, ratios, activations, strides),
    "ghostnetv2": st.builds(GhostNetV2, widths, widths, kernels, ratios, activations, strides),
    **{
        block.op: st.builds(block, widths, widths, kernels, branches, ratios, activations, strides)
        for block in (GhostNetV3Plain, GhostNetV3)
    },
    "repghost": st.builds(RepGhost, widths, widths, kernels, ratios, activations, strides),
    "rexnet": st.builds(ReXNet, widths, widths, kernels, ratios, activations, strides),
    "uib": uibs(),
    "fused_ib": st.builds(FusedIB, widths, widths, kernels, activations, strides),
    "mobile_mqa": mobile_mqas(),
    "repvit_stem": st.builds(RepViTStem, st.integers(1, 16).map(lambda n: 2 * n), activations),
    "repvit_down": st.builds(RepViTDown, widths, whole_ratios, kernels, activations),
    "repvit_shallow_down": st.builds(
        RepViTShallowDown, widths, widths, kernels, ratios, activations, strides
    ),
    "repvit": st.builds(RepViT, keep, widths, kernels, ratios, activations),
    "bottleneck": st.builds(Bottleneck, widths, widths, kernels, activations, strides),
    "bit_stem": st.builds(BiTStem, st.sampled_from([32, 64])),
    "bit": st.builds(BiT, st.sampled_from([128, 256]), strides),
    "mobileone_stem": st.builds(MobileOneStem, widths, kernels, branches, activations, strides),
    "mobileone": st.builds(MobileOne, widths, kernels, branches, ratios, activations, strides),
    "repmixer": st.builds(RepMixer, keep, widths, kernels, activations),
    "conv_ffn": st.builds(ConvFFN, keep, widths, kernels, activations),
    "fastvit_attention": st.builds(FastViTAttention, st.just(1), keep, widths, activations),
    "conditional_position": st.builds(ConditionalPosition, kernels),
    "fastvit_down": st.builds(FastViTDown, whole_ratios, kernels, activations, strides),
    "fastvit_head": st.builds(FastViTHead, whole_ratios, kernels, ratios, activations),
    "convnext_stem": st.builds(ConvNeXtStem, widths, strides),
    "convnext_down": st.builds(ConvNeXtDown, widths, strides),
    "convnext": st.builds(ConvNeXt, keep, widths, kernels, activations),
    "mobilevit": mobilevits(),
    "mobilevitv2": st.builds(
        MobileViTV2, st.integers(1, 2), widths, keep, kernels, patches, widths, activations
    ),
    "keep": st.builds(Keep, widths),
    "pool_kept": st.builds(PoolKept, st.integers(25, 40)),
    "sdta": sdtas(SDTA),
    "located_sdta": sdtas(LocatedSDTA),
    "efficientformerv2_down": st.builds(
        EfficientFormerV2Down, widths, kernels, st.sampled_from([2, 8]), st.just(2), activations
    ),
    "efficientformerv2_attention": st.builds(
        EfficientFormerV2Attention,
        st.sampled_from([2, 8]),
        st.just(2),
        patches,
        keep,
        activations,
    ),
    "efficientformerv2_ffn": st.builds(EfficientFormerV2FFN, keep, widths, kernels, activations),
    "efficientvit_down": st.builds(EfficientViTDown, widths, widths, kernels, activations, strides),
    "efficientvit": st.builds(EfficientViT, st.just(1), keep, widths, kernels, activations),
    "vit": vits(),
    "swin": swins() | st.builds(Swin, st.just(2), st.just(1), st.sampled_from([2, 4])),
    "transnext": transnexts(),
    "star": st.builds(Star, keep, widths, kernels, activations),
    "shvit_conv": st.builds(SHViTConv, keep, widths, kernels, activations),
    "shvit_down": st.builds(SHViTDown, widths, widths, kernels, ratios, activations, strides),
    "shvit": st.builds(SHViT, keep, st.just(1) | keep, widths, kernels, activations),
    "bn_convnext": st.builds(BNConvNeXt, keep, widths, kernels, activations),
    "shma": st.builds(SHMA, keep, widths, widths, kernels, activations),
    "patch_conv": st.builds(PatchConv, widths, strides),
    "fasternet": st.builds(FasterNet, keep, widths, kernels, activations),
    "swiftformer_conv": st.builds(SwiftFormerConv, keep, widths, kernels, activations),
    "swiftformer": st.builds(SwiftFormer, keep, widths, kernels, activations),
    "distilled_norm_linear": st.builds(DistilledNormLinear, widths),
    "layer_norm": st.builds(LayerNorm),
    "pool": st.builds(Pool),
    "linear": st.builds(Linear, widths, activations),
    "hidden_linear": st.builds(HiddenLinear, widths, activations),
    "unbiased_linear": st.builds(UnbiasedLinear, widths, activations),
    "norm_linear": st.builds(NormLinear, widths),
    "layer_norm_linear": st.builds(LayerNormLinear, widths),
    "linear_norm": st.builds(LinearNorm, widths, activations),
}
"""A new block adds one line here; patch sizes must divide the sides of `archs`."""

every_block = pytest.mark.parametrize("op", BLOCKS)


@st.composite
def archs(draw: DrawFn, op: str) -> Arch:
    """A network of one row, after a pool where it takes a vector, or a row that keeps for it."""
    narrowest = 2 if op.endswith("sdta") else 1  # it splits channels
    c, h, w = draw(st.tuples(st.integers(narrowest, 24), st.sampled_from([4, 8, 12]), st.just(8)))
    row = draw(ROWS[op]).resolve(c)
    rows = (Pool(), row) if row.reads_vector else (row,)
    if isinstance(row, PoolKept):
        rows = (Keep(row.out - c), row)
    return Arch(op, "test", (c, h, w), rows)


def module_params(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_every_block_is_tested() -> None:
    assert set(ROWS) == set(BLOCKS)


@every_block
@settings(max_examples=10)
@given(data=st.data())
def test_module_has_the_shapes_and_params_of_its_graph(op: str, data: st.DataObject) -> None:
    arch = data.draw(archs(op))
    for graph in (arch.graph, arch.fused):
        module = build(graph).eval()
        assert module(torch.zeros(2, *arch.input)).shape == (2, *arch.graph.shape)
        assert module_params(module) == params(graph)
        for made in graph.ops:
            assert all(type(size) is int for size in made.shape)


@every_block
@settings(max_examples=10)
@given(data=st.data())
def test_macs_are_those_that_torch_counts(op: str, data: st.DataObject) -> None:
    arch = data.draw(archs(op))
    counter = FlopCounterMode(display=False)
    module = build(arch).eval().requires_grad_(False)
    with counter, sdpa_kernel(SDPBackend.MATH):  # it counts no fused attention
        module(torch.zeros(1, *arch.input))
    assert counter.get_total_flops() == 2 * arch.macs


@every_block
@settings(max_examples=25)
@given(data=st.data())
def test_fusing_never_costs_more(op: str, data: st.DataObject) -> None:
    arch = data.draw(archs(op))
    assert macs(arch.fused) <= arch.macs
    assert len(arch.fused.ops) <= len(arch.graph.ops)
    assert arch.fused.shape == arch.graph.shape


@every_block
def test_default_row_learns_a_batch_by_heart(op: str) -> None:
    needed = {
        "out": 128 if op.startswith("bit") else 16,
        "dim": 16,
        "layers": 1,
        "heads": 2,
        "patch": 4,
        "window": 4,
        "ffn": 16,
    }
    row = BLOCKS[op](**{name: needed[name] for name in needed if has_no_default(op, name)})
    rows = (
        (Conv(16), Pool(), row)
        if row.reads_vector
        else (Conv(16), row, *(Pool(),) * (op not in ("pool", "pool_kept", "vit")))
    )
    resolved = tuple(row.resolve(16) for row in (*rows, Linear(4)))
    losses = train(Arch(op, "test", (3, 8, 8), resolved), steps=30)
    assert losses[-1] < 0.5 * losses[0]


def has_no_default(op: str, name: str) -> bool:
    return any(field.name == name and field.default is MISSING for field in fields(BLOCKS[op]))


def train(arch: Arch, steps: int) -> list[float]:
    """Losses of full-batch SGD on four noisy patterns."""
    torch.manual_seed(0)
    labels = torch.arange(16) % 4
    images = torch.randn(4, *arch.input)[labels] + 0.1 * torch.randn(16, *arch.input)
    module = build(arch).train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.2, momentum=0.9)
    losses = []
    for _ in range(steps):
        loss = nn.functional.cross_entropy(module(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
