"""Zero-cost proxies: scores of a network with fresh weights, from a few batches of images.

None is best everywhere (arXiv:2301.08727), so they are always shown beside the sizes of the
network, which cost nothing. Each proxy is a file with one function of a module and batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, fx

from nas.evaluate.proxies.naswot import naswot
from nas.evaluate.proxies.synflow import synflow
from nas.evaluate.proxies.zen import zen
from nas.evaluate.proxies.zico import zico
from nas.evaluate.proxy_names import check_proxies
from nas.modules import build
from nas.space.arch import Arch
from nas.train.run import BATCHES

Batch = tuple[Tensor, Tensor]
"""Normalised images (b, 3, s, s) and labels (b,)."""

#: name -> score of a fresh module; higher is better
PROXIES: Mapping[str, Callable[[fx.GraphModule, Sequence[Batch]], float]] = {
    "naswot": naswot,
    "synflow": synflow,
    "zico": zico,
    "zen": zen,
}
#: name -> size of an architecture, the baseline of every proxy
SIZES: Mapping[str, Callable[[Arch], float]] = {
    "params": lambda arch: float(arch.params),
    "macs": lambda arch: float(arch.macs),
}


def score(arch: Arch, name: str, batches: Sequence[Batch], *, seed: int = 0) -> float:
    """Return the proxy of an architecture; minus infinity if it is not finite.

    Raises:
        UnknownNameError: with the nearest names.
    """
    check_proxies([name])
    if name in SIZES:
        return SIZES[name](arch)
    device = batches[0][0].device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        module = build(arch).to(device)
        found = PROXIES[name](module, batches)
    return found if math.isfinite(found) else -math.inf


def noise(side: int, classes: int, *, images: int = 64, seed: int = 0) -> list[Batch]:
    """Return batches of noise, as a substitute for data."""
    generator = torch.Generator().manual_seed(seed)
    return [
        (
            torch.randn(images, 3, side, side, generator=generator),
            torch.randint(classes, (images,), generator=generator),
        )
        for _ in range(BATCHES)
    ]
