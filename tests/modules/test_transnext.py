"""TransNeXt against its paper: printed totals, and its attention pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.blocks.transnext import TransNeXt, coordinates, relative
from nas.graph.ops import op_macs
from nas.library import load_arch
from nas.modules import build
from nas.space.arch import Arch

HEADS, DIM, PATCH = 2, 3, 2
C = HEADS * DIM


@pytest.mark.parametrize(
    ("name", "params_m", "gmacs"),
    [("micro", 12.8, 2.7), ("tiny", 28.2, 5.7), ("small", 49.7, 10.3), ("base", 89.7, 18.4)],
)
def test_totals_are_those_printed(name: str, params_m: float, gmacs: float) -> None:
    """The paper cuts its params (28.26 M), and counts norms and pooling as fvcore does."""
    arch = load_arch(f"transnext-{name}")
    assert math.floor(arch.params / 1e5) / 10 == params_m
    norms = sum(5 * math.prod(op.shape) for op in arch.graph.ops if op.kind == "layer_norm")
    pools = sum(math.prod(op.in_shapes[0]) for op in arch.graph.ops if "pool" in op.kind)
    attention = sum(op_macs(op) for op in arch.graph.ops if op.kind == "attention")
    assert attention < 0.02e9  # the global stage's products, which are counted
    assert round((arch.macs + norms + pools) / 1e9, 1) == gmacs


@pytest.mark.parametrize(("size", "patch"), [((4, 6), 2), ((8, 8), 4), ((3, 3), 1)])
def test_every_pair_finds_its_distance(size: tuple[int, int], patch: int) -> None:
    h, w = size
    table, index = coordinates(h, w, patch), relative(h, w, patch)
    for pixel in range(h * w):
        for key in range(h * w // patch**2):
            places = zip(divmod(pixel, w), divmod(key, w // patch), size, strict=True)
            far = [8 * (q - patch * k - (patch - 1) / 2) / (n - 1) for q, k, n in places]
            expected = [math.copysign(math.log(abs(x) + 1, 8), x) for x in far]
            assert table[index[pixel, key]] == pytest.approx(expected)
    assert set(index.ravel()) == set(range(len(table)))


@pytest.fixture
def layer() -> nn.Module:
    """One stage of one layer on a 4 x 6 map, weights drawn at random."""
    row = TransNeXt(layers=1, heads=HEADS, patch=PATCH, ffn=8, out=C, s=1)
    torch.manual_seed(0)
    module = build(Arch("one", "test", (C, 4, 6), (row,))).double().eval()
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.normal_(std=0.5)
    return module


@torch.no_grad()
def test_attention_is_the_papers_pixel_by_pixel(layer: nn.Module) -> None:
    stage = layer.row1_transnext
    seen: dict[str, torch.Tensor] = {}
    attention = stage.layer0.attention
    stage.layer0.norm1.register_forward_hook(lambda *call: seen.update(x=call[2][0]))
    attention.project.linear.register_forward_pre_hook(lambda _, x: seen.update(y=x[0][0]))
    layer(torch.randn(1, C, 4, 6, dtype=torch.double))
    expected = torch.stack([attended(attention, seen["x"], pixel) for pixel in range(24)])
    torch.testing.assert_close(seen["y"], expected)


def attended(a: nn.Module, x: torch.Tensor, pixel: int) -> torch.Tensor:
    """Equations 3-6 and 8-9 of the paper for one pixel: all heads' values, (C,)."""
    h, w = 4, 6
    grid = x.T.reshape(1, C, h, w)
    pooled = F.avg_pool2d(F.gelu(a.pooled.conv(grid)), PATCH)[0].flatten(1).T
    pooled = a.pooled.norm(pooled)
    row, column = divmod(pixel, w)
    near = [(row + dy, column + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    inside = [slot for slot, (y, z) in enumerate(near) if 0 <= y < h and 0 <= z < w]
    neighbours = x[[near[slot][0] * w + near[slot][1] for slot in inside]]
    keys = torch.cat([neighbours, pooled])
    k, v = a.key_value.linear(keys).split(C, dim=1)
    table = a.position.coordinates.values[relative(h, w, PATCH)[pixel]]
    positions = a.position.project.linear(F.relu(a.position.expand.linear(table)))
    values = []
    for head in range(HEADS):
        part = slice(head * DIM, (head + 1) * DIM)
        q = F.normalize(a.query.linear(x[pixel])[part], dim=0)
        scaled = (q + a.query_embedding.weight[head, 0]) * F.softplus(
            a.temperature.weight[head, 0, 0]
        )
        scores = F.normalize(k[:, part], dim=1) @ scaled * np.log(len(keys))
        scores += torch.cat([a.local_position.weight[head, inside], positions[:, head]])
        weights = scores.softmax(dim=0)
        learned = q @ a.tokens.weight[head] + a.token_bias.weight[head, 0]
        weights[: len(inside)] += learned[inside]
        values.append(weights @ v[:, part])
    return torch.cat(values)
