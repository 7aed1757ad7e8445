"""The seeds against their reference implementations: timm's, torchvision's, and fvcore's counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import timm
import torch
import torchvision
from timm.utils import reparameterize_model
from torch import nn
from torch.fx.experimental import optimization
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nas.graph.cost import params
from nas.graph.graph import Graph
from nas.graph.ops import op_macs
from nas.library import load_arch
from nas.modules.checkpoints.weights import load_state
from nas.modules.fused_weights import fused
from nas.modules.layers import assemble
from nas.space.arch import Arch

WIDTHS = {
    "mobilenetv2": (0.35, 0.5, 0.75, 1.0, 1.4),
    "mobilenetv3-large": (0.75, 1.0),
    "mobilenetv3-small": (0.5, 0.75, 1.0),
    "mnasnet": (0.5, 0.75, 1.0, 1.4),
    "mnasnet-a1": (0.5, 0.75, 1.0, 1.4),
}
#: families with a table for each width, since they do not round to multiples of 8
BY_WIDTH = {
    "ghostnet": ("0.5", "1.0", "1.3"),
    "ghostnetv2": ("1.0", "1.3", "1.6"),
    "ghostnetv3": ("0.5", "1.0", "1.3", "1.6"),
    "rexnet": ("1.0", "1.3", "1.5", "2.0"),
    "repghost": ("0.5", "0.58", "0.8", "1.0", "1.11", "1.3", "1.5", "2.0"),
}
#: name -> timm's
TIMM = {
    **{
        base if width == 1 else f"{base}-{width:g}": f"{timm_base}_{round(width * 100):03d}"
        for base, widths in WIDTHS.items()
        for timm_base in [base.replace("-", "_").replace("mnasnet_a1", "semnasnet")]
        for width in widths
    },
    **{
        f"{base}-{width}": f"{base.replace('repghost', 'repghostnet')}_{float(width) * 100:03.0f}"
        for base, widths in BY_WIDTH.items()
        for width in widths
    },
    **{f"efficientnet-b{i}": f"efficientnet_b{i}" for i in range(8)},
    **{f"efficientnet-lite{i}": f"efficientnet_lite{i}" for i in range(5)},
    **{f"efficientnetv2-{size}": f"efficientnetv2_{size}" for size in ("s", "m", "l", "xl")},
    **{f"mobilenetv4-conv-{s[0]}": f"mobilenetv4_conv_{s}" for s in ("small", "medium", "large")},
    **{f"mobilenetv4-hybrid-{s[0]}": f"mobilenetv4_hybrid_{s}" for s in ("medium", "large")},
    **{f"mobilevit-{size}": f"mobilevit_{size}" for size in ("xxs", "xs", "s")},
    **{
        f"mobilevitv2-{width}": f"mobilevitv2_{width.replace('.', ''):0<3}"
        for width in ("0.5", "0.75", "1.0", "1.25", "1.5", "1.75", "2.0")
    },
    **{f"repvit-m{size}": f"repvit_m{size.replace('.', '_')}" for size in ("0.9", "1.0", "1.1")},
    **{f"repvit-m{size}": f"repvit_m{size.replace('.', '_')}" for size in ("1.5", "2.3")},
    **{f"mobileone-s{i}": f"mobileone_s{i}" for i in range(5)},
    **{f"convnext-{size[0]}": f"convnext_{size}" for size in ("tiny", "small", "base", "large")},
    **{f"convnext-{size}": f"convnext_{size}" for size in ("atto", "femto", "pico", "nano")},
    **{f"tinynet-{size}": f"tinynet_{size}" for size in "abcde"},
    **{f"hardcorenas-{size}": f"hardcorenas_{size}" for size in "abcdef"},
    **{
        f"efficientformerv2-{size}": f"efficientformerv2_{size}" for size in ("s0", "s1", "s2", "l")
    },
    **{f"edgenext-{'x' * i}s": f"edgenext_{'x' * i}{'_' * (i > 0)}small" for i in range(3)},
    **{f"efficientvit-b{i}": f"efficientvit_b{i}" for i in range(4)},
    **{f"mixnet-{size}": f"mixnet_{size}" for size in "sml"},
    **{f"fbnetv3-{size}": f"fbnetv3_{size}" for size in "bdg"},
    "resnet50": "resnet50",
    **{f"fasternet-{size}": f"fasternet_{size}" for size in ("t0", "t1", "t2")},
    **{f"swiftformer-{size}": f"swiftformer_{size}" for size in ("xs", "s", "l1", "l3")},
    **{f"iformer-{size}": f"iformer_{size}" for size in "tsml"},
    **{f"shvit-s{i}": f"shvit_s{i}" for i in range(1, 5)},
    **{f"starnet-{size}": f"starnet_{size}" for size in ("s1", "s2", "s3", "s4")},
    **{f"starnet-{size}": f"starnet_{size}" for size in ("s050", "s100", "s150")},
    **{f"vit-{s[0]}{p}": f"vit_{s}_patch{p}_224" for s in ("base", "large") for p in (16, 32)},
    "vit-r50-b16": "vit_base_r50_s16_224",
    "vit-h14": "vit_huge_patch14_224",
    **{f"fastvit-{s}": f"fastvit_{s}" for s in ("t8", "t12", "s12")},
    **{f"fastvit-{s}": f"fastvit_{s}" for s in ("sa12", "sa24", "sa36", "ma36")},
    **{f"swin-{s[0]}": f"swin_{s}_patch4_window7_224" for s in ("tiny", "small", "base", "large")},
}
SIZED = ("efficientformerv2", "swin", "vit")
"""Families whose weights depend on the image's size."""
HEAD_NORMS = ("mobilenetv4",)
"""Families with a norm of the pooled vector, which two images make ill-conditioned."""


class ExMobileViT(nn.Module):
    """Timm's MobileViT-S with averages of its third and fourth stage beside those of the last."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        *self.widths, last = widths
        self.trunk = timm.create_model("mobilevit_s", num_classes=0)
        self.trunk.final_conv = timm.layers.ConvNormAct(160, last, act_layer=nn.SiLU)
        self.classifier = nn.Linear(sum(widths), 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        vectors, x = [], self.trunk.stem(x)
        for index, stage in enumerate(self.trunk.stages):
            x = stage(x)
            if index in (2, 3):
                vectors.append(resized(x.mean(dim=(2, 3)), self.widths[index - 2]))
        vectors.append(self.trunk.final_conv(x).mean(dim=(2, 3)))
        return self.classifier(torch.cat(vectors, dim=1))


def resized(vector: torch.Tensor, width: int) -> torch.Tensor:
    """Means of neighbouring channels, or every channel repeated in its place."""
    if vector.shape[1] >= width:
        return vector.reshape(len(vector), width, -1).mean(dim=2)
    return nn.functional.interpolate(vector[:, None], size=width, mode="nearest")[:, 0]


EXMOBILEVIT = {"576": (32, 64, 480), "640": (32, 128, 480), "928": (128, 160, 640)}


def made_by_timm(name: str, side: int | None = None) -> nn.Module:
    """The reference, random weights; for images of another side where that matters."""
    torch.manual_seed(0)
    if name.startswith("mobilenetv1"):  # timm registers width 1 alone
        width = float(name.partition("@")[0].removeprefix("mobilenetv1").lstrip("-") or 1)
        return timm.models.efficientnet._gen_mobilenet_v1("mobilenetv1_100", width)
    if name.startswith("lcnet"):  # timm registers some widths alone
        width = float(name.removeprefix("lcnet-"))
        return timm.models.mobilenetv3._gen_lcnet("lcnet_100", width)
    if name.endswith("-842"):
        network = made_by_timm(name.removesuffix("-842"))
        for stage, patch in zip((2, 3, 4), (8, 4, 2), strict=True):
            block = network.stages[stage][1]
            block.patch_size, block.patch_area = (patch, patch), patch * patch
        return network
    if name.startswith("alphanet"):
        pytest.skip("no package has a reference; test_alphanet.py has a plain module")
    if name.startswith("transnext"):
        pytest.skip("no package has a reference; test_transnext.py has the paper's totals")
    if name.startswith("exmobilevit"):
        return ExMobileViT(*EXMOBILEVIT[name.removeprefix("exmobilevit-")])
    if name == "repvit-m0.6":
        widths, depths = (40, 80, 160, 320), (2, 2, 8, 1)
        return timm.models.repvit.RepVit(embed_dim=widths, depth=depths, distillation=False)
    options = {"distillation": False} if name.startswith("repvit") else {"num_classes": 1000}
    sized = {"img_size": side} if side and name.startswith(SIZED) else {}
    return timm.create_model(TIMM[name], **options, **sized)


@torch.no_grad()
def randomise_norms(network: nn.Module, images: torch.Tensor) -> None:
    """Statistics from `images`, random weights: freshly initialised norms hide what they scale.

    So do layer scales and biases of attention, which start at or near 0.
    """
    for name, weight in network.named_parameters():
        if name.endswith(("gamma", "gamma_xca", "attention_biases")):
            weight.uniform_(0.1, 0.3)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm | nn.GroupNorm):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(std=0.1)
            norm.momentum = 1.0
    network.train()(images)
    network.eval()


def module_params(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@torch.no_grad()
def test_params_and_macs_equal_those_of_the_reference(seed_on_meta: Arch) -> None:
    reference = made_by_timm(seed_on_meta.name).eval()
    assert module_params(reference) == seed_on_meta.params
    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH):  # it counts no fused attention
        reference(torch.empty(1, *seed_on_meta.input))
    assert counter.get_total_flops() == 2 * seed_on_meta.macs


#: where windows or patches do not divide 64, or the last map needs more than one pixel for the
#: statistics of its norms; Swin's first with several windows to its last stage
SIDES = {
    **{"swin-t": 448, **dict.fromkeys(("swin-s", "swin-b", "swin-l"), 224), "vit-h14": 56},
    **dict.fromkeys(("shvit-s1", "shvit-s2", "shvit-s3", "shvit-s4"), 192),
    **{f"ghostnetv3-{width}": 96 for width in BY_WIDTH["ghostnetv3"]},
}


def small(seed: Arch) -> Arch:
    """The architecture on images of 64 pixels, or another side that its patches divide."""
    side = SIDES.get(seed.name, 64)
    return replace(seed, input=(3, side, side))


def test_logits_equal_the_reference(seed: Arch) -> None:
    compare_logits(small(seed))


#: one of each family, where it can with sides that strides do not halve evenly
FAMILIES = [
    *("convnext-t", "efficientnet-b1", "efficientnet-lite3", "efficientnetv2-s"),
    *("edgenext-xxs", "efficientformerv2-s0", "efficientvit-b0"),
    *("exmobilevit-576", "mnasnet-a1", "mobilenetv1@160", "mobilenetv2", "mobilenetv3-large"),
    *("fastvit-sa12", "mobileone-s1", "mobilevit-xxs-842", "repvit-m0.9", "resnet50", "swin-t"),
    *("vit-b32", "vit-r50-b16", "convnext-atto", "hardcorenas-c", "tinynet-e"),
    *("mobilevitv2-0.5", "shvit-s1", "starnet-s1", "fasternet-t0", "swiftformer-xs"),
    *("fbnetv3-b", "ghostnet-0.5", "lcnet-0.5", "repghost-0.5"),
    *("ghostnetv2-1.0", "ghostnetv3-0.5", "mixnet-s", "rexnet-1.0"),
    *("mobilenetv4-conv-s", "mobilenetv4-hybrid-m", "iformer-t"),
]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_logits_equal_the_reference_on_images_of_its_side(name: str) -> None:
    compare_logits(load_arch(name))


@torch.no_grad()
def uniform(weight: torch.Tensor, mean: float, std: float, *rest: object) -> torch.Tensor:
    """Weights of about this deviation."""
    return weight.uniform_(mean - 2 * std, mean + 2 * std)


def uniform_by_timm(arch: Arch) -> nn.Module:
    """The reference without truncated normal weights, which take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.nn.init._no_grad_trunc_normal_", uniform)
        patch.setattr("timm.layers.weight_init._trunc_normal_", uniform)
        return made_by_timm(arch.name, arch.input[1])


@torch.no_grad()
def compare_logits(arch: Arch) -> None:
    """Ours with the reference's random weights."""
    images = torch.randn(8 if arch.name.startswith(HEAD_NORMS) else 2, *arch.input)
    reference = uniform_by_timm(arch)
    randomise_norms(reference, images)
    images = images[:2]
    with pytest.MonkeyPatch.context() as patch:  # all weights are about to be overwritten
        patch.setattr("torch.nn.init.kaiming_uniform_", lambda weight, **how: weight)
        module = assemble(arch.graph).eval()
    load_state(module, reference.state_dict(), ordered=False)
    expected = reference(images)
    assert (expected[0] - expected[1]).std() > 0.01, "blind: the images make no difference"
    torch.testing.assert_close(module(images), expected, rtol=0, atol=1e-4)


@pytest.fixture
def double() -> Iterator[None]:
    """Fusing reorders sums: in double precision that is no excuse for a difference."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


#: convolutions that become others; double precision of a large transformer takes seconds
FUSED = [name for name in FAMILIES if not name.startswith("vit")]


@pytest.mark.parametrize("name", [*FUSED, "mobileone-s4", "transnext-micro"])
@torch.no_grad()
def test_fused_weights_compute_the_same(double: None, name: str) -> None:
    arch = small(load_arch(name))
    arch = replace(arch, input=(3, 224, 224)) if name == "swin-t" else arch
    trained, images = assemble(arch.graph), torch.randn(2, *arch.input)
    randomise_norms(trained, images)
    module = fused(arch.graph, trained)
    assert module_params(module) == params(arch.fused)
    torch.testing.assert_close(module(images), trained(images))


@pytest.mark.parametrize("name", ["repvit-m0.9", "mobileone-s0", "mobileone-s4"])
@torch.no_grad()
def test_fused_graph_is_the_authors_re_parameterisation(double: None, name: str) -> None:
    arch = small(load_arch(name))
    images = torch.randn(2, *arch.input)
    reference = made_by_timm(name)
    randomise_norms(reference, images)
    expected = reference(images)
    reference = optimization.fuse(reparameterize_model(reference))
    module = assemble(arch.fused).eval()
    load_state(module, reference.state_dict())
    torch.testing.assert_close(module(images), expected)


@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"])
def test_params_equal_torchvision(name: str) -> None:
    seed = load_arch(name.replace("_v2", "v2").replace("_v3_", "v3-"))
    assert seed.params == module_params(torchvision.models.get_model(name, weights=None))


@pytest.mark.parametrize(("name", "millions"), [("640", 5.553), ("928", 5.867)])
def test_exmobilevit_has_the_published_params(name: str, millions: float) -> None:
    assert round(load_arch(f"exmobilevit-{name}").params / 1e6, 3) == millions


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
    """What `fvcore_macs` leaves out: products of two activations, and SwiftFormer's scores.

    In timm those are a product with a parameter, which is no layer.
    """
    scores = "attention.score.linear"
    return sum(
        op_macs(op)
        for op in graph.ops
        if op.kind in ("attention", "matmul") or op.name.endswith(scores)
    )


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_macs_equal_fvcore(representative: Arch) -> None:
    arch = small(representative)
    expected = arch.macs - attention_macs(arch.graph)
    reference = uniform_by_timm(arch).eval()
    assert fvcore_macs(reference, torch.zeros(1, *arch.input)) == expected
