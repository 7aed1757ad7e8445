"""Networks whose costs are known, as two harnesses measured them."""

from __future__ import annotations

import numpy as np

from nas.latency.files import TERMS
from nas.latency.fit.calibrate import LatencySample, Prior
from nas.latency.kernels import CLASSES
from nas.space.columns import Floats

FLOOR = (0.3, 0.02, 10.0, 1.0, 1.0)
PRIOR = Prior(0.04, 30.0, {"other": 1.0}, frozenset({"lab"}), FLOOR, 0.05)
TRUE = np.tile([0.5, 0.04, 30.0, 0.5, 20.0], (len(CLASSES), 1))
TRUE[CLASSES.index("attention")] *= 4


def networks(n: int, rng: np.random.Generator) -> list[Floats]:
    """Work of networks: (classes, terms), each with its own mix of classes."""
    size = rng.uniform(0.5, 4, (n, 1, 1)) * rng.dirichlet(np.ones(len(CLASSES)), n)[:, :, None]
    return list(size * [100, 500, 10, 40, 5] * rng.uniform(0.5, 1.5, (n, len(CLASSES), len(TERMS))))


def figures(n: int, rng: np.random.Generator, noise: float = 0.02) -> list[LatencySample]:
    """Two figures of each network: `lab`, and `other`, which is 20 % slower."""
    found = []
    for index, work in enumerate(networks(n, rng)):
        ms = 0.4 + (work * TRUE).sum() / 1000
        for harness, factor in (("lab", 1.0), ("other", 1.2)):
            seen = float(ms * factor * rng.lognormal(0, noise))
            found.append(
                LatencySample(f"net{index}", f"family{index % 5}", work, seen, harness, 1.0)
            )
    return found
