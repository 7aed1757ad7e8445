"""Criteria of the channels to keep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from nas.adapt.dependencies import DependencyGraph
from nas.adapt.plan import CRITERIA
from nas.adapt.prune import SCORES, pruned, scores
from nas.adapt.width_changes import with_rows
from nas.adapt.width_groups import width_groups
from nas.library import load_arch
from nas.modules import build
from nas.space.arch import Arch


@pytest.fixture(scope="module")
def arch() -> Arch:
    return replace(load_arch("mobilenetv2-0.35"), input=(3, 32, 32))


@pytest.fixture(scope="module")
def channels(arch: Arch) -> DependencyGraph:
    return DependencyGraph.of(arch.graph)


def maker(channels: DependencyGraph, name: str) -> np.ndarray:
    """Sets of coupled channels that a convolution makes."""
    (found,) = (
        axes for axes in channels.axes if channels.graph.ops[axes.op].name == f"{name}.conv"
    )
    assert found.made is not None
    return channels.coupled[found.made]


def test_every_criterion_is_known() -> None:
    assert tuple(SCORES) == CRITERIA


@torch.no_grad()
def test_l2_counts_every_layer_that_makes_a_channel(arch: Arch, channels: DependencyGraph) -> None:
    module = build(arch)
    expand, depthwise = (
        module.get_submodule(f"row3_mv2.{name}.conv").weight for name in ("expand", "depthwise")
    )
    wanted = (expand**2).flatten(1).sum(1) + (depthwise**2).flatten(1).sum(1)
    found = scores(channels, module, "l2")[maker(channels, "row3_mv2.expand")]
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-5)


def test_taylor_sees_that_nothing_reads_a_channel(arch: Arch, channels: DependencyGraph) -> None:
    torch.manual_seed(0)
    module = build(arch)
    with torch.no_grad():
        module.get_submodule("row3_mv2.project.conv").weight[:, 5] = 0
    batches = [(torch.randn(8, 3, 32, 32), torch.arange(8))]
    found = scores(channels, module, "taylor", batches=batches)
    own = found[maker(channels, "row3_mv2.expand")]
    assert own[5] == 0
    assert (own > 0).sum() > len(own) / 2  # a ReLU may have died on eight images
    assert all(p.grad is None for p in module.parameters())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_taylor_goes_to_where_the_images_are(arch: Arch, channels: DependencyGraph) -> None:
    module = build(arch)
    batches = [(torch.randn(8, 3, 32, 32), torch.arange(8))]
    there = [(images.cuda(), labels.cuda()) for images, labels in batches]
    found, wanted = (scores(channels, module, "taylor", batches=own) for own in (there, batches))
    np.testing.assert_allclose(found, wanted, rtol=1e-2, atol=1e-9)
    assert next(module.parameters()).device.type == "cpu"


@torch.no_grad()
def test_scale_is_the_norms_factor(arch: Arch, channels: DependencyGraph) -> None:
    module = build(arch)
    module.get_submodule("row3_mv2.expand.norm").weight[7] = -9
    found = scores(channels, module, "scale")[maker(channels, "row3_mv2.expand")]
    assert found.argmax() == 7


def test_random_follows_the_seed(arch: Arch, channels: DependencyGraph) -> None:
    module = build(arch)
    first, again, other = (scores(channels, module, "random", seed=seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_the_strongest_channels_are_kept_in_their_order(
    arch: Arch, channels: DependencyGraph
) -> None:
    module = build(arch)
    (group,) = (group for group in width_groups(arch) if group.name == "row 3 exp")
    made = with_rows(arch, group.at(arch.rows, group.width // 2))
    worth = scores(channels, module)
    kept = channels.keep_mask(made.graph, worth)
    own = worth[maker(channels, "row3_mv2.expand")]
    strongest = np.sort(np.argsort(-own)[: group.width // 2])
    state = pruned(channels, module.state_dict(), kept)
    weight = module.get_submodule("row3_mv2.expand.conv").weight
    torch.testing.assert_close(state["row3_mv2.expand.conv.weight"], weight[strongest])
