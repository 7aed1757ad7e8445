"""Random points of a space: they train, and their widths can be cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nas.adapt.dependencies import DependencyGraph
from nas.adapt.prune import pruned, scores
from nas.adapt.width_changes import width_changes, with_rows
from nas.adapt.width_groups import width_groups
from nas.files.resources import DEVICE
from nas.library import load_device, load_space
from nas.modules import build
from nas.modules.layers import assemble
from nas.space.arch import Arch
from nas.space.retarget import for_task
from nas.space.scaling import scaled

OPS = {
    "mobilenetv4": ("uib", "mobile_mqa", "fused_mbconv"),
    "mobile": (
        *("uib", "fused_ib", "mobile_mqa", "star", "biased_down", "shvit"),
        *("repmixer", "conv_ffn", "fastvit_down", "bn_convnext", "conv_down", "shma"),
    ),
}
"""Ops that one of a space's points must have."""


def points(space: str) -> list[Arch]:
    """Points that have all of `OPS` between them, of half their widths, on small images."""
    own, rng, missing = load_space(space), np.random.default_rng(0), set(OPS[space])
    drawn = [own.sample(rng) for _ in range(50)]
    found = []
    while missing:
        best = max(drawn, key=lambda arch: len(missing & {row.op for row in arch.rows}))
        missing -= {row.op for row in best.rows}
        found.append(for_task(scaled(best, width=0.5, name=best.name), classes=10, side=64))
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
    """The next narrower width of the first, middle and last wide knob makes the table's network."""
    channels, device = DependencyGraph.of(arch.graph), load_device(DEVICE)
    worth, images = scores(channels, module), torch.randn(2, *arch.input)
    groups = [group for group in width_groups(arch) if group.width > 32]
    for group in (groups[0], groups[len(groups) // 2], groups[-1]):
        made = with_rows(arch, next(width_changes(arch, device, 8, of=[group])).rows)
        kept = channels.keep_mask(made.graph, worth)
        cut = assemble(made.graph).eval()
        cut.load_state_dict(pruned(channels, module.state_dict(), kept))
        assert sum(p.numel() for p in cut.parameters()) == made.params < arch.params
        assert cut(images).isfinite().all()
