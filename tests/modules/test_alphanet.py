"""AlphaNet against its published multiply-adds, and against a plain module of its layout.

No package has it. The module follows arXiv:2011.09011 and the authors' configuration.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from timm.layers import SqueezeExcite
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.blocks.attentivenas import AttentiveNAS
from nas.library import load_arch
from nas.modules import build
from nas.modules.checkpoints.weights import load_state
from nas.space.arch import Arch

#: name -> millions of multiply-adds that the authors print
PUBLISHED = {
    **{"a0": 203, "a1": 279, "a2": 317, "a3": 357, "a4": 444},
    **{"a5-small": 491, "a5-base": 596, "a6": 709},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_alphanet_has_the_published_macs(name: str) -> None:
    rounding = 1.3 if name == "a5-base" else 0.55  # of that, the configuration has 594.8
    found = load_arch(f"alphanet-{name}").macs / 1e6
    assert found == pytest.approx(PUBLISHED[name], abs=rounding)


def conv(c: int, out: int, *, k: int = 1, s: int = 1, groups: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(c, out, k, s, k // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(out))


class Block(nn.Module):
    """Inverted residual with a pooled and projected shortcut."""

    def __init__(self, c: int, row: AttentiveNAS) -> None:
        super().__init__()
        exp, self.s = int(row.exp), row.s
        self.expand = nn.Sequential(*conv(c, exp), nn.SiLU()) if exp != c else nn.Identity()
        self.depthwise = nn.Sequential(*conv(exp, exp, k=row.k, s=row.s, groups=exp), nn.SiLU())
        gate = {"rd_ratio": 0.25, "gate_layer": "hard_sigmoid"}
        self.gate = SqueezeExcite(exp, **gate) if row.se else nn.Identity()
        self.project = conv(exp, int(row.out))
        self.shortcut = nn.Identity() if c == row.out else nn.Conv2d(c, row.out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.project(self.gate(self.depthwise(self.expand(x))))
        short = F.avg_pool2d(x, 2, padding=x.shape[-1] % 2) if self.s == 2 else x
        return h + self.shortcut(short)


class AlphaNet(nn.Module):
    """The network of a table."""

    def __init__(self, arch: Arch) -> None:
        super().__init__()
        stem, *rows = arch.rows
        blocks = [row for row in rows if isinstance(row, AttentiveNAS)]
        widths = [stem.out, *(row.out for row in blocks)]
        self.stem = nn.Sequential(*conv(3, widths[0], k=3, s=2), nn.SiLU())
        self.blocks = nn.Sequential(*map(Block, widths, blocks))
        last, mixed = 6 * widths[-1], rows[-2].out
        self.head = nn.Sequential(*conv(widths[-1], last), nn.SiLU())
        self.mix = nn.Conv2d(last, mixed, 1, bias=False)
        self.classifier = nn.Linear(mixed, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.head(self.blocks(self.stem(x))).mean((2, 3), keepdim=True)
        return self.classifier(F.silu(self.mix(x)).flatten(1))


@pytest.mark.parametrize("side", [64, 96, 104])
@torch.no_grad()
def test_logits_are_those_of_a_plain_module(side: int) -> None:
    """Sides of 52, 26, 13 and 7 pixels pad the pooled shortcut."""
    torch.manual_seed(0)
    arch = replace(load_arch("alphanet-a0"), input=(3, side, side))
    images, reference = torch.randn(2, *arch.input), AlphaNet(arch)
    for norm in reference.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(std=0.1)
            norm.momentum = 1.0
    reference.train()(images)
    module = build(arch)
    load_state(module, reference.state_dict())
    assert sum(p.numel() for p in reference.parameters()) == arch.params
    torch.testing.assert_close(module.eval()(images), reference.eval()(images), rtol=0, atol=1e-4)
