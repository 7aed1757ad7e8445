"""Random points of a space: they train, and their widths can be cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nas.adapt.dependencies import DependencyGraph
from nas.adapt.prune import pruned, scores
from nas.adapt.width_changes import width_changes, with_rows
from nas.library import load_device, load_space
from nas.modules import build
from nas.modules.layers import assemble
from nas.space.arch import Arch
from nas.space.retarget import for_task

OPS = {"mobilenetv4": ("uib", "mobile_mqa", "fused_mbconv")}
"""Ops that one of a space's points must have."""


def points(space: str) -> list[Arch]:
    """Points that have all of `OPS` between them, for ten classes of images of 64 pixels."""
    own, rng, found = load_space(space), np.random.default_rng(0), []
    missing = set(OPS[space])
    while missing:
        arch = own.sample(rng)
        ops = {row.op for row in arch.rows}
        if missing & ops:
            found.append(for_task(arch, classes=10, side=64))
            missing -= ops
    return found


@pytest.mark.parametrize("space", OPS)
def test_random_points_train_and_are_cut(space: str) -> None:
    for arch in points(space):
        torch.manual_seed(0)
        module, images = build(arch).train(), torch.randn(4, *arch.input)
        F.cross_entropy(module(images), torch.arange(4)).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
        torch.optim.SGD(module.parameters(), lr=0.01).step()
        assert module(images).isfinite().all()
        check_cut(arch, module.eval())


@torch.no_grad()
def check_cut(arch: Arch, module: torch.nn.Module) -> None:
    """The narrowest widths of the first and last knob make networks of their tables."""
    channels = DependencyGraph.of(arch.graph)
    worth = scores(channels, module)
    changes = list(width_changes(arch, load_device("iphone12-lut"), 8))
    for change in (changes[0], changes[len(changes) // 2], changes[-1]):
        made = with_rows(arch, change.rows)
        cut = assemble(made.graph)
        kept = channels.keep_mask(made.graph, worth)
        cut.load_state_dict(pruned(channels, module.state_dict(), kept))
        assert sum(p.numel() for p in cut.parameters()) == made.params < arch.params
        assert cut.eval()(torch.randn(2, *arch.input)).isfinite().all()
