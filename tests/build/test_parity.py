"""The seeds against their reference implementations: timm's, torchvision's, and fvcore's counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import timm
import torch
import torchvision
from torch import nn
from torch.fx.experimental import optimization

from nas.arch import Arch
from nas.build import build
from nas.build.weights import copy_by_structure
from nas.cost import params
from nas.graph import Graph
from nas.library import load_arch
from nas.ops import op_macs

TIMM = {
    "mobilenetv2": "mobilenetv2_100",
    "mobilenetv3-large": "mobilenetv3_large_100",
    "mobilenetv3-small": "mobilenetv3_small_100",
    "efficientnet-b0": "efficientnet_b0",
    "efficientnetv2-s": "efficientnetv2_s",
    "mobilevit-xxs": "mobilevit_xxs",
    "mobilevit-xs": "mobilevit_xs",
    "mobilevit-s": "mobilevit_s",
    "repvit-m0.9": "repvit_m0_9",
    "repvit-m1.0": "repvit_m1_0",
    "repvit-m1.1": "repvit_m1_1",
}


@pytest.fixture
def reference(seed: Arch) -> nn.Module:
    torch.manual_seed(0)
    options = {"distillation": False} if seed.name.startswith("repvit") else {}
    return timm.create_model(TIMM[seed.name], **options).eval()


@torch.no_grad()
def randomise_norms(network: nn.Module, images: torch.Tensor) -> None:
    """Statistics from `images`, random weights: freshly initialised norms hide what they scale."""
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(std=0.1)
            norm.momentum = 1.0
    network.train()(images)
    network.eval()


def module_params(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_params_equal_the_reference(seed: Arch, reference: nn.Module) -> None:
    assert seed.params == module_params(reference)


def test_module_owns_the_params_of_its_ops(seed: Arch) -> None:
    assert module_params(build(seed)) == seed.params
    assert module_params(build(seed.fused)) == params(seed.fused)


SIDES = pytest.mark.parametrize("side", [64, pytest.param(None, marks=pytest.mark.slow)])
"""Input sides: a small one, and the family's own."""


def at(seed: Arch, side: int | None) -> tuple[Arch, torch.Tensor]:
    """The architecture on another input side, and images for it."""
    shape = (3, side, side) if side else seed.input
    return replace(seed, input=shape), torch.randn(2, *shape)


@SIDES
@torch.no_grad()
def test_logits_equal_the_reference(seed: Arch, reference: nn.Module, side: int | None) -> None:
    arch, images = at(seed, side)
    randomise_norms(reference, images)
    module = build(arch).eval()
    copy_by_structure(reference, module, images)
    expected = reference(images)
    assert (expected[0] - expected[1]).std() > 0.01, "blind: the images make no difference"
    torch.testing.assert_close(module(images), expected, rtol=0, atol=1e-4)


@pytest.fixture
def double() -> Iterator[None]:
    """Fusing reorders sums: in double precision that is no excuse for a difference."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@torch.no_grad()
def test_fused_graph_computes_the_same(double: None, seed: Arch, reference: nn.Module) -> None:
    arch, images = at(seed, 64)
    randomise_norms(reference, images)
    expected = reference(images)
    if seed.name.startswith("repvit"):
        reference.fuse()  # the authors' own re-parameterisation
    else:
        trained = build(arch).eval()
        copy_by_structure(reference, trained, images)
        reference = optimization.fuse(trained)
    module = build(arch.fused).eval()
    copy_by_structure(reference, module, images)
    assert module_params(reference) == module_params(module)
    torch.testing.assert_close(module(images), expected)


@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"])
def test_params_equal_torchvision(name: str) -> None:
    seed = load_arch(name.replace("_v2", "v2").replace("_v3_", "v3-"))
    assert seed.params == module_params(torchvision.models.get_model(name, weights=None))


def test_repvit_m09_has_the_published_params() -> None:
    seed = load_arch("repvit-m0.9")
    assert (seed.params, params(seed.fused)) == (5_103_560, 5_067_056)


def fvcore_macs(module: nn.Module, images: torch.Tensor) -> int:
    from fvcore.nn import FlopCountAnalysis

    count = FlopCountAnalysis(module, images)
    count.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    by_operator = count.by_operator()
    return int(by_operator["conv"] + by_operator["linear"])


def attention_macs(graph: Graph) -> int:
    """What fvcore leaves out: it does not know scaled_dot_product_attention."""
    return sum(op_macs(op) for op in graph.ops if op.kind == "attention")


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_macs_equal_fvcore_on_the_reference_and_on_the_module(
    seed: Arch, reference: nn.Module
) -> None:
    images = torch.randn(1, *seed.input)
    expected = seed.macs - attention_macs(seed.graph)
    assert fvcore_macs(reference, images) == expected
    assert fvcore_macs(build(seed).eval(), images) == expected
