"""The generated module: readable, trainable, exportable, and in step with the table of op kinds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

import nas
from nas.errors import ArchError, MissingExtraError
from nas.graph.graph import GraphBuilder
from nas.graph.ops import ACTIVATIONS as NAMES
from nas.graph.ops import KINDS, op_params
from nas.library import load_arch
from nas.modules import build
from nas.modules.fused_weights import fused
from nas.modules.layers import ACTIVATIONS, CALLS, LAYERS, StandardConv2d
from nas.space.arch import Arch

TRACED = {"resample", "product", "opaque"}
"""Kinds of traced graphs, which are priced and not built."""


@pytest.fixture(scope="module")
def small() -> Arch:
    """A network with every op kind that a block uses, on a small image."""
    return Arch.from_yaml((Path(__file__).parent / "every_kind.yaml").read_text(encoding="utf-8"))


def test_every_op_kind_has_one_translation() -> None:
    assert not set(LAYERS) & set(CALLS)
    assert {"input", *LAYERS, *CALLS, *TRACED} == set(KINDS)
    assert set(ACTIVATIONS) == set(NAMES)


def test_example_has_every_kind_that_blocks_use(small: Arch, representative: Arch) -> None:
    assert {op.kind for op in representative.graph.ops} <= {op.kind for op in small.graph.ops}


def test_layers_are_named_after_the_ops_in_order_and_own_their_params(
    representative: Arch,
) -> None:
    with torch.device("meta"):
        params = dict(build(representative).named_parameters())
    owners = [name.rpartition(".")[0] for name in params]
    named = [op.name for op in representative.graph.ops if op_params(op) > 0]
    assert list(dict.fromkeys(owners)) == named
    assert sum(p.numel() for p in params.values()) == representative.params


def test_names_of_weights_are_readable() -> None:
    names = build(load_arch("mobilenetv3-large")).state_dict()
    assert "row3_bneck.expand.conv.weight" in names
    assert "row5_bneck.se.reduce.conv.bias" in names


def test_every_layer_yields_the_shape_of_its_op(small: Arch) -> None:
    shapes = {node.target: shape(node)[1:] for node in executed(small) if node.op == "call_module"}
    assert shapes == {op.name: op.shape for op in small.graph.ops if op.kind in LAYERS}


def test_attention_is_4d(small: Arch) -> None:
    attend = nn.functional.scaled_dot_product_attention
    calls = [node for node in executed(small) if node.target is attend]
    ranks = [[len(shape(x)) for x in node.args if x is not None] for node in calls]
    assert ranks == [[4] * 3, [4] * 4, [4] * 4, [4] * 3, [4] * 3]


def executed(arch: Arch) -> list[fx.Node]:
    module = build(arch).eval()
    ShapeProp(module).propagate(torch.zeros(2, *arch.input))
    return list(module.graph.nodes)


def shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta["tensor_meta"].shape)


def test_code_has_no_control_flow(small: Arch) -> None:
    assert "self.row1_conv.conv.norm(" in build(small).code
    assert not re.search(r"\b(if|for|while|def (?!forward))\b", build(small).code)


def test_images_of_a_batch_do_not_mix(small: Arch) -> None:
    torch.manual_seed(0)
    module, images = build(small).eval(), torch.randn(3, *small.input)
    alone = torch.cat([module(image[None]) for image in images])
    torch.testing.assert_close(module(images), alone)


def test_same_torch_seed_gives_the_same_weights(small: Arch) -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.cat([p.flatten() for p in build(small).parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_convolution_starts_with_variance_2_over_fan_out() -> None:
    g = GraphBuilder((64, 8, 8))
    h = g.conv(g.input, 128, k=3, norm=False, name="dense")
    g.conv(h, 128, k=5, groups=128, norm=False, bias=True, name="depthwise")
    torch.manual_seed(0)
    module = build(g.graph())
    assert module.dense.conv.weight.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.05)
    assert module.depthwise.conv.weight.std().item() == pytest.approx((2 / 25) ** 0.5, rel=0.05)
    assert not module.depthwise.conv.bias.any()


@pytest.mark.parametrize("standard", [True, False])
def test_a_padded_convolution_in_groups_or_dilated_is_the_plain_one(standard: bool) -> None:
    g = GraphBuilder((4, 8, 8))
    how = {"out": 6, "k": 3, "s": 1, "groups": 2, "bias": True, "d": 2, "pad": "same"}
    g.add("conv", (g.input,), "conv", **how, **({"standard": True} if standard else {}))
    module, x = build(g.graph()).eval(), torch.randn(2, 4, 8, 8)
    weight = module.conv.standardised() if standard else module.conv.weight
    plain = F.conv2d(x, weight, module.conv.bias, padding=2, dilation=2, groups=2)
    torch.testing.assert_close(module(x), plain)


def test_compiles_as_one_graph(small: Arch) -> None:
    module, images = build(small).eval(), torch.randn(2, *small.input)
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images), module(images))


def export_differs(arch: Arch) -> float:
    """Largest difference after torch.export with a dynamic batch, on another batch size."""
    torch.manual_seed(0)
    module, images = build(arch).eval(), torch.randn(2, *arch.input)
    dynamic = ({0: torch.export.Dim("batch")},)
    exported = torch.export.export(module, (images,), dynamic_shapes=dynamic).module()
    images = torch.randn(5, *arch.input)
    return (exported(images) - module(images)).abs().max().item()


def test_exports_with_a_dynamic_batch(small: Arch) -> None:
    assert export_differs(small) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenetv3-large", "mobilevit-xxs", "repvit-m0.9"])
def test_seed_exports_with_a_dynamic_batch(name: str) -> None:
    assert export_differs(load_arch(name)) < 1e-5


def test_face_builds_a_module(small: Arch) -> None:
    assert isinstance(nas.build(small), nn.Module)


def test_op_that_only_traced_graphs_have_is_refused() -> None:
    g = GraphBuilder((3, 8, 8))
    g.add("resample", (g.input,), "crop", shape=(3, 4, 4))
    with pytest.raises(ArchError, match="crop: op kind 'resample' can be priced, but not built"):
        build(g.graph())


def test_missing_torch_is_answered_with_its_install_line(
    small: Arch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[train\]'"):
        build(small)


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, nas.modules; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_standardised_weights_are_plain_once_fused() -> None:
    torch.manual_seed(0)
    text = """
name: standardised
source: "a test"
input: [3, 32, 32]
columns: [op, out, s]
rows:
  - [bit_stem, 64, 4]
  - [bit, 128, 1]
"""
    arch = Arch.from_yaml(text)
    trained = build(arch).eval()
    deployed = fused(arch.graph, trained)
    assert not any(isinstance(layer, StandardConv2d) for layer in deployed.modules())
    images = torch.randn(2, *arch.input)
    torch.testing.assert_close(deployed(images), trained(images))
