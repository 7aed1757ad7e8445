"""Zero-cost proxies: against their definitions where those can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, fx, nn

from nas.errors import UnknownNameError
from nas.evaluate.proxies import PROXIES, SIZES, noise, score
from nas.evaluate.proxies.naswot import naswot
from nas.evaluate.proxies.synflow import synflow
from nas.evaluate.proxies.zen import zen
from nas.evaluate.proxies.zico import zico
from nas.library import load_arch
from nas.modules import build
from nas.space.arch import Arch
from nas.space.retarget import for_task
from nas.space.scaling import scaled

FAMILIES = ("mobilenetv3-small", "efficientnet-b0", "mobilevit-xxs", "repvit-m0.6", "mobileone-s0")


def network(*rows: str, side: int = 8) -> Arch:
    head = f"name: t\nsource: s\ninput: [3, {side}, {side}]\ncolumns: [op, k, out, act, s]\nrows:\n"
    return Arch.from_yaml(head + "".join(f"  - [{row}]\n" for row in rows))


PLAIN = ("conv, 3, 8, relu, 1", "pool, ~, ~, ~, ~", "linear, ~, 4, ~, ~")


@pytest.mark.parametrize("name", PROXIES)
@pytest.mark.parametrize("arch", FAMILIES)
def test_every_family_has_a_repeatable_score(name: str, arch: str) -> None:
    small = for_task(scaled(load_arch(arch), width=0.5), classes=10, side=32)
    batches = noise(32, 10, images=4)
    state = torch.get_rng_state()
    found = score(small, name, batches, seed=1)
    assert math.isfinite(found)
    assert score(small, name, batches, seed=1) == found
    assert torch.equal(torch.get_rng_state(), state)


def test_sizes_are_those_of_the_network() -> None:
    arch = load_arch("mobilenetv2")
    assert [score(arch, name, noise(32, 10, images=2)) for name in SIZES] == [
        arch.params,
        arch.macs,
    ]
    with pytest.raises(UnknownNameError, match="nearest: synflow"):
        score(arch, "sinflow", noise(32, 10, images=2))


def test_naswot_counts_units_that_agree() -> None:
    module = build(network(*PLAIN))
    images = noise(8, 4, images=5)[0]
    codes: list[np.ndarray] = []
    relu = next(layer for layer in module.modules() if isinstance(layer, nn.ReLU))
    hook = relu.register_forward_pre_hook(
        lambda layer, inputs: codes.append((inputs[0] > 0).flatten(1).numpy())
    )
    with torch.no_grad():
        module.train()(images[0])
    hook.remove()
    equal = np.array([[(a == b).sum() for b in codes[0]] for a in codes[0]], float)
    assert naswot(module, [images]) == pytest.approx(np.linalg.slogdet(equal)[1], rel=1e-6)


def test_synflow_of_a_linear_chain_is_its_product() -> None:
    """All weights w > 0: the sum over both layers of |w dR/dw| is twice the output."""
    arch = network("conv, 1, 2, none, 1", "pool, ~, ~, ~, ~", "linear, ~, 3, ~, ~", side=4)
    module = build(arch)
    with torch.no_grad():
        for weight in module.parameters():
            weight.fill_(0.0 if weight.ndim == 1 else -0.5)
    # 3 channels of ones: 1.5 in each of 2 maps, 1.5 in each of 3 outputs, 4.5 in all
    assert synflow(module, noise(4, 3, images=2)) == pytest.approx(math.log(2 * 4.5))


def test_zico_of_gradients_by_hand() -> None:
    arch = network(*PLAIN)
    batches = noise(8, 4, images=6)
    torch.manual_seed(0)
    found = zico(build(arch), batches)
    torch.manual_seed(0)
    module = build(arch).train()
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    expected = 0.0
    gradients = []
    for images, labels in batches:
        loss = nn.functional.cross_entropy(module(images), labels)
        gradients.append(torch.autograd.grad(loss, [layer.weight for layer in layers]))
    for a, b in zip(*gradients, strict=True):
        mean, sd = (a.abs() + b.abs()) / 2, (a - b).abs() / 2
        expected += math.log(float((mean[sd > 0] / sd[sd > 0]).sum()))
    assert found == pytest.approx(expected, rel=1e-4)


def test_zen_grows_with_depth_and_width() -> None:
    def of(*rows: str) -> float:
        torch.manual_seed(0)
        return zen(build(network(*rows, *PLAIN[1:])), noise(8, 4, images=16))

    block = "conv, 3, 8, relu, 1"
    assert of(block) < of(block, block) < of(block, block, block)
    assert of(block) < of("conv, 3, 32, relu, 1")


def test_zen_of_one_convolution_is_its_gain() -> None:
    """Features are a norm's: a step moves them by its share of the spread, times the spread."""
    module = build(network("conv, 1, 8, none, 1", *PLAIN[1:]))
    torch.manual_seed(0)
    found = zen(module, noise(8, 4, images=64))
    # output of a conv with 3 unit-variance inputs and unit weights: variance 3; the step's is
    # 0.01 of it, and the mean magnitude of a normal variable is sqrt(2 / pi) of its deviation
    features = 8 * 8 * 8
    expected = math.log(features * 0.01 * math.sqrt(2 / math.pi)) + math.log(3) / 2
    assert found == pytest.approx(expected, abs=0.35)  # 24 random weights


def kinds(module: fx.GraphModule) -> set[type]:
    return {type(layer) for layer in module.modules()}


def test_a_score_leaves_no_hooks(tiny_batches: list[tuple[Tensor, Tensor]]) -> None:
    module = build(network(*PLAIN))
    naswot(module, tiny_batches)
    zen(module, tiny_batches)
    assert not any(layer._forward_pre_hooks for layer in module.modules())
    assert nn.ReLU in kinds(module)


@pytest.fixture
def tiny_batches() -> list[tuple[Tensor, Tensor]]:
    return noise(8, 4, images=4)
