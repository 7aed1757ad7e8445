"""Torch modules in rarer styles, with the parameters and MACs that were worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from nas.build.named import Traced, load_network  # noqa: E402
from nas.cost import macs  # noqa: E402

MODULES = Path(__file__).parent / "tracing"

STEM, HEAD = 27 * 16 * 56**2, 160
"""A 3 x 3 convolution of 16 channels and stride 4, and a linear layer of 10 classes."""

BODY = STEM + 16 * 16 * 9 * 56**2 + HEAD
PATCH, KV = 64 * 768 * 196, 196 * 64 * 128

#: case -> FILE:NAME, parameters, MACs on the default image
RIGHT: dict[str, tuple[str, int, int]] = {
    "silent-zeros-filled-by-slices": ("writes:ZerosFilledBySlices", 2938, BODY),
    "silent-padded-by-hand": ("writes:PaddedByHand", 2938, STEM + 2304 * 58**2 + HEAD),
    "written-through-a-view": ("writes:WrittenThroughAView", 2938, BODY),
    "written-by-out": ("writes:WrittenByOut", 2938, BODY),
    "scattered": ("writes:Scattered", 2938, BODY),
    "trained-border": ("writes:TrainedBorder", 2938 + 16, STEM + 2304 * 58**2 + HEAD),
    "trained-constant": ("writes:TrainedConstant", 2938 + 56, BODY),
    "silent-sdpa-learned-queries": (
        *("attention:LearnedQueries", 58816),
        PATCH + KV + 2 * 4 * 20 * 196 * 16,
    ),
    "silent-sdpa-attention-pooling": (
        *("attention:AttentionPooling", 65920),
        PATCH + KV + 2 * 4 * 196 * 16 + 64 * 64,
    ),
    "silent-sdpa-mha-learned-queries": (
        *("attention:MultiheadLearnedQueries", 67136),
        PATCH + KV + 2 * 20 * 196 * 64 + 20 * 64 * 64,
    ),
    "learned-keys": ("attention:LearnedKeys", 57536 + 4096, PATCH + KV + 2 * 4 * 196 * 32 * 16),
    "grouped-queries": ("attention:GroupedQueries", 57536, PATCH + KV + 2 * 196**2 * 64),
    "same-thrice": ("attention:SameThrice", 57536, PATCH + KV + 2 * 196**2 * 64),
    "unknown-baddbmm": ("attention:Baddbmm", 28832, 8078336),
    "encoder": (
        *("attention:Encoder", 82688),
        PATCH + 196 * 64 * 192 + 2 * 196**2 * 64 + 196 * 64 * (64 + 2 * 128),
    ),
    "meta-arange-in-forward": ("devices:ArangeInForward", 618, STEM + HEAD),
    "meta-tensor-in-forward": ("devices:TensorInForward", 618, STEM + HEAD),
    "meta-zeros-without-device": ("devices:ZerosWithoutDevice", 618, STEM + HEAD),
    "meta-image-moved-to-own-device": ("devices:ImageMovedToOwnDevice", 618, STEM + HEAD),
    "meta-fixed-blur-kernel": ("devices:FixedBlurKernel", 618, 27 * 224**2 + STEM + HEAD),
    "meta-autocast-of-image-device": ("devices:AutocastOfImageDevice", 618, STEM + HEAD),
    "autocast-decorator": ("devices:AutocastDecorator", 618, STEM + HEAD),
    "nested-regions": ("devices:NestedRegions", 618, STEM + HEAD),
    "cached-mask": ("devices:CachedMask", 618, STEM + HEAD),
    "silent-tied-linear": (
        *("modules:TiedLinear", 448 + 2320 + 160),
        STEM + 3 * 2304 * 56**2 + 320,
    ),
    "silent-unbatched-conv2d": (
        *("modules:UnbatchedConv2d", 1664),
        432 * 112**2 + 1152 * 56**2,
    ),
    "copy-hooks": ("modules:Hooked", 618, STEM + HEAD),
    "copy-weight-norm": ("modules:weight_norm", 824, (216 + 576) * 112**2),
    "copy-pruned": ("modules:pruned", 808, (216 + 576) * 112**2),
    "copy-spectral-norm": ("modules:spectral_norm", 808, (216 + 576) * 112**2),
    "scripted": ("modules:scripted", 314, 216 * 112**2 + 80),
    "own-result": ("modules:OwnResult", 808 + 90 + 20, (216 + 576) * 112**2 + 80),
    "conv-transpose-3d": (
        *("modules:Transposed3d", 916),
        (27 * 3 * 8 + 8 * 4 * 8) * 2 * 112**2,
    ),
    "dilated": ("modules:Dilated", 224 + 3 * 584, 216 * 56**2 + 576 * (2 * 56**2 + 50**2)),
    "false-unknown-activations": ("calls:activations", 448, STEM),
    "false-unknown-fills": ("calls:Fills", 618, STEM + HEAD),
    "false-unknown-glu": ("calls:Glu", 30944, 6021120),
    "false-unknown-lrn-pool3d": ("calls:norms", 1116, 12644352),
    "false-unknown-nearest-exact": ("calls:Resized", 224, 216 * 112**2),
    "idle": ("calls:Idle", 224, 216 * 56**2),
    "unknown-addmm": ("calls:Addmm", 3776, 48 * 64 + 640),
    "unknown-einsum-ellipsis": (
        *("calls:EinsumEllipsis", 25632),
        4816896 + 196 * 32 * 32 + 196**2 * 32,
    ),
    "einsum-three": (
        *("calls:EinsumThree", 24608 + 512),
        4816896 + 2 * 196 * 32 * 8 + 196 * 32 * 4,
    ),
    "tensordot": ("calls:Tensordot", 24608 + 192, 4816896 + 196 * 32 * 6),
    "unknown-multi-dot": (
        *("calls:MultiDot", 24608 + 32 * 64 + 128),
        4816896 + 32 * 64 * 2 + 196 * 32 * 2,
    ),
    "unknown-multi-dot-mv-inner": ("calls:Vectors", 24640, 4816896 + 196 * 32),
    "unknown-lstm-gru": (
        *("calls:Recurrent", 20890),
        2408448 + 196 * (16 + 32) * 128 + 2 * 196 * (32 + 8) * 24 + 160,
    ),
    "cells": ("calls:Cells", 64 * 66 + 24 * 26, 64 * 64 + 24 * 24),
    "unknown-deform-conv": ("calls:Deformable", 9003, STEM + (27 + 32) * 144 * 56**2),
    "generated": ("calls:Generated", 224 + 648, 216 * 56**2 + 576 + 72 * 56**2),
}


@pytest.mark.parametrize("case", RIGHT)
def test_counts_are_right(case: str) -> None:
    name, params, right = RIGHT[case]
    file, _, factory = name.partition(":")
    network = load_network(f"{MODULES / file}.py:{factory}")
    assert isinstance(network, Traced)
    assert (network.params, macs(network.graph)) == (params, right)
    assert (network.unmapped, network.check.differences) == ((), ())
