"""What only training needs, put into generated modules."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.ops import StochasticDepth

from nas.library import load_arch
from nas.modules import build
from nas.space.arch import Arch
from nas.train.recipe import Regularise
from nas.train.regularise import averaged, regularise, residuals, set_dropout


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("mobilenetv1", 0),
        ("mobilenetv2", 10),
        ("mobilenetv3-large", 10),
        ("efficientnet-b0", 9),
        ("repvit-m0.9", 26),  # of 20 channel mixers, and two in each of 3 downsamplers
        ("convnext-t", 18),
        ("swin-t", 24),
        ("vit-b16", 24),
        ("mobilevit-s", 20),  # 2 of mv2, 2 for each of 9 transformer layers
        ("mobileone-s1", 0),
    ],
)
def test_residual_branches_are_those_of_the_paper(name: str, count: int) -> None:
    graph = load_arch(name).graph
    found = residuals(graph)
    assert len(found) == count
    for index, place in found:
        branch = graph.ops[graph.ops[index].inputs[place]]
        assert branch.kind not in ("input", "param")


def test_the_trained_module_computes_the_same_when_evaluated(tiny: Arch) -> None:
    torch.manual_seed(0)
    module = build(tiny).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        before = module(x)
        regularise(module, tiny.graph, Regularise(dropout=0.3, stochastic_depth=0.5))
        assert torch.equal(module.eval()(x), before)
    drops = [layer for layer in module.modules() if isinstance(layer, StochasticDepth)]
    assert [drop.p for drop in drops] == sorted(drop.p for drop in drops)
    assert drops[-1].p == 0.5
    module.train()
    assert not torch.equal(module(x), module(x))
    set_dropout(module, 0.7)
    assert [layer.p for layer in module.modules() if isinstance(layer, nn.Dropout)] == [0.7]


def test_all_branches_dropped_leave_the_shortcuts() -> None:
    """At probability 1 a network of residual branches is its other rows."""
    arch = Arch.from_yaml(
        "name: t\nsource: s\ninput: [3, 8, 8]\ncolumns: [op, k, exp, out, act, s]\nrows:\n"
        "  - [conv, 3, ~, 8, relu, 1]\n  - [mv2, 3, 2x, 8, relu, 1]\n"
        "  - [pool, ~, ~, ~, ~, ~]\n  - [linear, ~, ~, 4, ~, ~]\n"
    )
    module = build(arch)
    regularise(module, arch.graph, Regularise(stochastic_depth=0.5))
    drop = next(layer for layer in module.modules() if isinstance(layer, StochasticDepth))
    drop.p = 1.0
    module.train()
    names = dict(module.named_modules())
    x = torch.randn(4, 3, 8, 8)
    rows = [
        layer
        for name, layer in names.items()
        if name.startswith("row1_conv.") and not [*layer.children()]
    ]
    h = x
    for layer in rows:
        h = layer(h)
    expected = names["row4_linear.linear.linear"](h.mean((2, 3)))
    assert torch.allclose(module(x), expected, atol=1e-6)


def test_averages_forget_faster_at_first() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    average = averaged(layer, 0.99)
    average.update_parameters(layer)  # the first is a copy
    nn.init.ones_(layer.weight)
    average.update_parameters(layer)
    assert average.module.weight.item() == pytest.approx(1 - 2 / 11)
    for _ in range(2000):
        average.update_parameters(layer)
    nn.init.zeros_(layer.weight)
    average.update_parameters(layer)
    assert average.module.weight.item() == pytest.approx(0.99, abs=1e-4)
