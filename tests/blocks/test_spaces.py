"""Every op in a search space: what the space counts, samples and decodes is what can be built."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from spaces_of_ops import space_of

from nas.blocks import BLOCKS
from nas.errors import ArchError, SpaceError
from nas.graph.cost import peak_activation_elements
from nas.graph.lint import RULES, lint
from nas.latency.kernels import CLASSES
from nas.library import load_device
from nas.modules import build
from nas.optimize.pricing import MACS, MS, PARAMS
from nas.optimize.run import pricing_of
from nas.report.svg.network import network_picture
from nas.report.tables.network import summarise
from nas.space.arch import Arch
from nas.space.columns import Ints
from nas.space.space import Space


def built(space: Space, code: Ints) -> Arch | None:
    """The network of a code, lowered; None where it cannot stand."""
    try:
        arch = space.decode(code)
        assert arch.graph.shape == (10,)
    except (SpaceError, ArchError):
        return None
    return arch


def stands(space: Space, code: Ints) -> bool:
    state = 0
    for layer, gene in zip(space.layered.layers, code, strict=True):
        state = layer.next[state, gene]
        if state < 0:
            return False
    return True


every_op = pytest.mark.parametrize("op", BLOCKS)


@every_op
def test_what_is_sampled_is_built_as_it_is_priced(op: str) -> None:
    own = space_of(op)
    pricing = pricing_of(own, "pixel1-cpu", "imagenet")
    codes = own.layered.sample(4, np.random.default_rng(0))
    prices, peaks = pricing.price(codes), pricing.peak_elements(codes)
    for code, price, peak in zip(codes, prices, peaks, strict=True):
        arch = built(own, code)
        assert arch is not None
        assert own.decode(own.encode(arch)) == arch
        module = build(arch).eval()
        assert price[PARAMS] == arch.params == sum(p.numel() for p in module.parameters())
        assert price[MACS] == arch.macs
        assert price[MS] == pytest.approx(pricing.device.predict(arch).ms)
        assert {kernel.cls for kernel in pricing.device.kernels(arch.graph)} <= {*CLASSES}
        assert peak == peak_activation_elements(arch.fused)
        assert module(torch.zeros(1, *arch.input)).shape == (1, 10)


@every_op
def test_what_is_sampled_trains_a_step(op: str) -> None:
    torch.manual_seed(0)
    arch = space_of(op).sample(np.random.default_rng(2))
    module = build(arch).train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    images, labels = torch.randn(4, *arch.input), torch.arange(4)
    torch.nn.functional.cross_entropy(module(images), labels).backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    optimizer.step()
    assert module(images).isfinite().all()


@every_op
def test_what_is_sampled_is_written_linted_and_drawn(op: str) -> None:
    arch = space_of(op).sample(np.random.default_rng(2))
    assert Arch.from_yaml(arch.to_yaml()) == arch
    for target in RULES:
        for finding in lint(arch.fused, target, dynamic=True):
            assert finding.row < len(arch.rows)
            assert finding.ops
    picture = network_picture(summarise(arch, load_device("pixel1-cpu")))
    assert all(f">{row.op}<" in picture for row in arch.rows)


@every_op
def test_a_code_stands_in_the_space_where_its_network_does(op: str) -> None:
    own, rng = space_of(op), np.random.default_rng(1)
    codes = rng.integers(own.layered.n_options, size=(150, len(own.layered.n_options)))
    found = [built(own, code) is not None for code in codes]
    assert found == [stands(own, code) for code in codes]


@pytest.mark.parametrize("op", ["keep", "pool_kept"])
def test_the_count_is_that_of_the_networks_that_stand(op: str) -> None:
    own = space_of(op)
    codes = list(product(*map(range, own.layered.n_options)))
    assert 0 < own.size() == sum(built(own, np.array(code)) is not None for code in codes)
    assert own.size() < len(codes)
