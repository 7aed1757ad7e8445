from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from nas.deploy.export import Deployed, deploy
from nas.deploy.export.check import load_photos
from nas.library import load_arch
from nas.modules import build, save_weights
from nas.space.arch import Arch

#: small, with squeeze-and-excitation, hard-swish, strides and both residual forms
TINY = """
name: tiny
source: "a test"
input: [3, 32, 32]
columns: [op, k, exp, out, se, act, s]
rows:
  - [conv, 3, ~, 16, ~, hswish, 2]
  - [bneck, 3, 32, 16, 0.25, hswish, 1]
  - [mbconv, 5, 48, 24, 0.25, silu, 2]
  - [repvit, 3, 48, 24, 0.25, gelu, 1]
  - [conv, 1, ~, 64, ~, relu, 1]
  - [pool, ~, ~, ~, ~, ~, ~]
  - [linear, ~, ~, 10, ~, none, ~]
"""


#: sides that windows divide
SIDES = {"swin-t": 224, "transnext-micro": 224}


def short(name: str) -> Arch:
    """A network on small images, without repeated rows: all that a converter has to know."""
    arch, seen, rows = load_arch(name), set(), list[Any]()
    for row in arch.rows:
        choices = ("s", "k", "act", "se", "patch")
        form = type(row), *(getattr(row, choice, None) for choice in choices)
        keeps_shape = bool(rows) and getattr(row, "out", 0) == getattr(rows[-1], "out", None)
        if not (keeps_shape and getattr(row, "s", 1) == 1 and form in seen):
            rows.append(replace(row, layers=1) if hasattr(row, "layers") else row)
        seen.add(form)
    return replace(arch, rows=tuple(rows), input=(3, *[SIDES.get(name, 64)] * 2))


def with_statistics(arch: Arch) -> torch.nn.Module:
    """Random weights, but the norm statistics of real images: logits as large as trained ones.

    Layer scales, which start near 0, are not small: they would hide what they scale.
    """
    torch.manual_seed(0)
    photos = torch.from_numpy(load_photos(deploy(arch)))
    module = build(arch).train()
    for layer in module.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = None
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if name.endswith("gamma"):
                weight.uniform_(0.3, 1.0)
        module(torch.cat([photos, torch.randn_like(photos)]))
    return module.eval()


@pytest.fixture(scope="session")
def tiny() -> Arch:
    return Arch.from_yaml(TINY)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Arch], Path]:
    """A weights file of a network with the norm statistics of images."""

    @cache
    def make(arch: Arch) -> Path:
        path = tmp_path_factory.mktemp("weights") / "net.safetensors"
        save_weights(with_statistics(arch), path)
        return path

    return make


@pytest.fixture(scope="session")
def deployed(tiny: Arch, weights: Callable[[Arch], Path]) -> Deployed:
    return deploy(tiny, weights=weights(tiny))
