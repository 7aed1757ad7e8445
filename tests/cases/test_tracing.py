"""Torch modules in rarer styles, with the parameters and MACs that were worked out by hand."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from nas.errors import NasError, TraceError  # noqa: E402
from nas.graph.cost import macs  # noqa: E402
from nas.modules.networks import TracedNetwork, load_network  # noqa: E402

from .conftest import Nas  # noqa: E402

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
    "trained-in-the-form-of-the-map": ("writes:TrainedInTheFormOfTheMap", 2938 + 32, BODY),
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
    "lazy-layers": ("modules:lazy", 330, 216 * 112**2 + 80),
    "scripted-inside": ("modules:scripted_inside", 314 + 44, 216 * 112**2 + 80 + 40),
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
        *("calls:Recurrent@64", 20890),
        196608 + 16 * (16 + 32) * 128 + 2 * 16 * (32 + 8) * 24 + 160,
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
    assert isinstance(network, TracedNetwork)
    assert (network.params, macs(network.graph)) == (params, right)
    assert (network.unmapped, network.check.differences) == ((), ())


#: FILE:NAME, what `--input` says, parameters, MACs, the first input
INPUTS: dict[str, tuple[str, tuple[str, ...], int, int, tuple[int, ...]]] = {
    "gray": ("inputs:gray", (), 170, 72 * 112**2 + 80, (1, 224, 224)),
    "half": ("inputs:half", (), 240, 216 * 112**2, (3, 224, 224)),
    "bf16": ("inputs:bf16", (), 240, 216 * 112**2, (3, 224, 224)),
    "two": ("inputs:Two", (), 224, 2 * 216 * 112**2, (3, 224, 224)),
    "all-three": ("inputs:Two", ("3x8x8",) * 3, 224, 216 * 16, (3, 8, 8)),
    "instance": ("inputs:instance", (), 224, 216 * 112**2, (3, 224, 224)),
    "height-by-width": ("inputs:gray@224x160", (), 170, 72 * 112 * 80 + 80, (1, 224, 160)),
    "sizes": ("inputs:gray", ("1x96x192",), 170, 72 * 48 * 96 + 80, (1, 96, 192)),
    "type": ("inputs:instance", ("3x8x8:float32",), 224, 216 * 16, (3, 8, 8)),
    "image-and-text": (
        *("inputs:ImageAndText", ("4x32x32", "7:int64"), 800 + 296),
        *(288 * 256, (4, 32, 32)),
    ),
    "lightning": ("inputs:Lightning", (), 88, 80 * 100, (2, 100)),
    "stated": ("states:Both", (), 76 + 36, 72 * 32 * 48, (2, 32, 48)),
    "stated-at-another-size": ("states:Both@8", (), 76 + 36, 72 * 64, (2, 8, 8)),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs_other_than_3_square_float(case: str) -> None:
    name, said, params, right, shape = INPUTS[case]
    file, _, factory = name.partition(":")
    network = load_network(f"{MODULES / file}.py:{factory}", said)
    assert isinstance(network, TracedNetwork)
    assert (network.params, network.macs, network.input) == (params, right, shape)
    assert (network.unmapped, network.check.differences) == ((), ())


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("inputs:gray", "1x96x", "--input '1x96x': expected sizes without the batch"),
        ("inputs:gray", "1x9x9:half", "--input 1x9x9:half: unknown number type 'half'; valid: bf"),
        ("inputs:gray@9", "1x9x9", "the size is given twice; leave out @ or --input"),
        ("inputs:Two", "3x8x8", "missing 1 required positional argument: 'y'"),
        ("inputs:ImageAndText", "", "if it takes other inputs, give them with --input"),
    ],
)
def test_an_input_that_is_not_taken_is_one_message(name: str, said: str, message: str) -> None:
    file, _, factory = name.partition(":")
    with pytest.raises(NasError) as found:
        load_network(f"{MODULES / file}.py:{factory}", [said] if said else [])
    assert message in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", ["mobilenetv2@224x160", "mobilenetv2"])
def test_a_table_takes_no_other_input(name: str) -> None:
    with pytest.raises(NasError, match="mobilenetv2@224"):
        load_network(name, [] if "@" in name else ["3x224x160"])


@pytest.mark.parametrize("file", ["siblings", "pkg/relative", "pkg/absolute"])
@pytest.mark.parametrize("at_home", [True, False])
def test_imports_of_sibling_files(
    file: str, at_home: bool, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    folder = MODULES
    if at_home:
        monkeypatch.chdir(MODULES)
        folder = Path()
    network = load_network(f"{folder / file}.py:make")
    assert (network.params, network.macs) == (232, 216 * 112**2)


def test_imports_in_a_folder_that_is_no_package() -> None:
    network = load_network(f"{MODULES / 'plain' / 'relative'}.py:make")
    assert (network.params, network.macs) == (600 + 16, 600 * 112**2)


def test_two_files_of_one_name_are_compared(nas: Nas) -> None:
    before, path = set(sys.modules), sys.path[:]
    names = [f"{MODULES / folder / 'siblings.py'}:make" for folder in ("", "plain", "")]
    found = json.loads(nas("compare", *names, "--json").out)
    assert [network["params"] for network in found] == [232, 616, 232]
    assert not {"siblings", "layers"} & (set(sys.modules) - before)
    assert sys.path == path


def test_a_clone_stands_in_for_the_library(here: Path) -> None:
    """The user's folder comes first, as in Python, and only while it is needed."""
    package = here / "yaml"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "net.py").write_text(
        "from torch import nn\nfrom yaml.net import __name__ as own\n"
        "def make():\n    return nn.Linear(224, 2)\n"
    )
    installed = importlib.import_module("yaml")
    assert load_network(f"{package / 'net.py'}:make").params == 450
    assert sys.modules["yaml"] is installed


def test_message_control_flow() -> None:
    with pytest.raises(TraceError) as found:
        load_network(f"{MODULES / 'modules.py'}:OnAValue")
    source = (MODULES / "modules.py").read_text(encoding="utf-8").splitlines()
    number = source.index("        if x.mean() > 0:") + 1
    for words in (f"line {number} of ", "(if x.mean() > 0:)", "value of a tensor", "torch.where"):
        assert words in str(found.value)
