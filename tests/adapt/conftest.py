"""One small network of every family, for tests that run networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from nas.library import load_arch
from nas.space.arch import Arch
from nas.space.retarget import for_task
from nas.space.scaling import scaled

#: family -> width multiplier and side that make it small enough to run in a test
FAMILIES: dict[str, tuple[float, int]] = {
    "mobilenetv1": (0.25, 32),
    "mobilenetv2": (0.5, 32),
    "mobilenetv3-small": (1.0, 32),
    "mobilenetv3-large": (0.5, 32),
    "mobilenetv4-conv-s": (0.5, 32),
    "mobilenetv4-hybrid-m": (0.5, 64),
    "mnasnet-a1": (0.5, 32),
    "efficientnet-b0": (0.5, 32),
    "efficientnet-lite0": (0.5, 32),
    "efficientnetv2-s": (0.5, 32),
    "alphanet-a0": (0.5, 32),
    "fbnetv3-b": (0.5, 32),
    "mixnet-s": (0.5, 32),
    "rexnet-1.0": (0.5, 32),
    "lcnet-1.0": (0.25, 32),
    "ghostnet-0.5": (1.0, 32),
    "ghostnetv2-1.0": (0.5, 64),
    "ghostnetv3-0.5": (1.0, 64),
    "repghost-0.5": (1.0, 32),
    "mobileone-s4": (0.25, 32),
    "mobilevit-xxs": (1.0, 64),
    "exmobilevit-576": (1.0, 64),
    "repvit-m0.9": (0.5, 32),
    "convnext-t": (0.5, 32),
    "fasternet-t0": (1.0, 64),
    "iformer-t": (0.5, 64),
    "shvit-s1": (0.5, 128),
    "swiftformer-xs": (0.5, 64),
    "starnet-s050": (1.0, 32),
    "mobilevitv2-0.5": (1.0, 64),
    "efficientvit-b0": (1.0, 32),
    "edgenext-xxs": (1.0, 32),
    "efficientformerv2-s0": (1.0, 64),
    "resnet50": (0.25, 32),
    "fastvit-sa12": (0.25, 64),
    "vit-b32": (1.0, 32),
    "vit-r50-b16": (1.0, 32),
    "swin-t": (1.0, 224),
    "transnext-micro": (1.0, 224),
}


def shrunk(name: str) -> Arch:
    """The family's network for ten classes, with two layers per transformer."""
    width, side = FAMILIES[name]
    arch = load_arch(name)
    arch = arch if width == 1 else scaled(arch, width=width, name=name)
    rows = [replace(row, layers=2) if hasattr(row, "layers") else row for row in arch.rows]
    arch = replace(arch, rows=tuple(rows))
    return for_task(arch, classes=10, side=side)


@pytest.fixture(scope="session")
def small() -> Callable[[str], Arch]:
    return shrunk


@pytest.fixture(scope="session", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Arch:
    return shrunk(request.param)
