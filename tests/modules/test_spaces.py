"""Random points of every space, built: what is summed over ops is what the module owns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nas.errors import ArchError
from nas.files.resources import named
from nas.graph.cost import params
from nas.library import load_space
from nas.modules import build
from nas.space.arch import lower


@pytest.mark.parametrize("name", named("space"))
def test_random_points_own_the_params_of_their_ops(name: str) -> None:
    space, rng = load_space(name), np.random.default_rng(0)
    classes = 10 if name in ("nas-bench-macro", "mobile32") else 1000
    for _ in range(2):
        arch = space.sample(rng)
        with torch.device("meta"):
            for graph in (arch.graph, arch.fused):
                module = build(graph)
                assert sum(p.numel() for p in module.parameters()) == params(graph)
                images = torch.zeros(2, *arch.input)
                assert tuple(module(images).shape) == (2, *graph.shape) == (2, classes)


@pytest.mark.parametrize("name", named("space"))
@torch.no_grad()
def test_random_points_run(name: str) -> None:
    """Real numbers through one point of every space, at its own resolution."""
    torch.manual_seed(0)
    arch = load_space(name).sample(np.random.default_rng(1))
    logits = build(arch).train()(torch.randn(2, *arch.input))
    assert logits.shape == (2, *arch.graph.shape)
    assert torch.isfinite(logits).all()


def test_a_point_is_refused_at_a_size_that_its_patches_do_not_divide() -> None:
    space, rng = load_space("mobilevit"), np.random.default_rng(2)
    drawn = (space.sample(rng) for _ in range(100))
    arch = next(arch for arch in drawn if any(row.op == "mobilevit" for row in arch.rows))
    with pytest.raises(ArchError, match="patch size"):
        lower(arch.rows, (3, 202, 202))
