"""Reference logits of published weights, from their own implementation.

A format is compared with our module, which itself might misread the weights. For these checkpoints
the module is compared with the logits of the reference implementation on a fixed image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

import numpy as np

from nas.deploy.export.base import Deployed
from nas.deploy.runtimes import Floats32
from nas.errors import ExportError

TOLERANCE = 1e-4
"""Tolerance, relative to the largest logit."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The first logits for the fixed image, and the largest magnitude of all."""

    implementation: str
    input: tuple[int, int, int]
    logits: tuple[float, ...]
    largest: float


#: sha256 of the checkpoint -> logits of the reference implementation
REFERENCES: Mapping[str, Reference] = {
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db": Reference(
        "efficientnet_lite_pytorch 0.1.0, efficientnet-lite0",
        (3, 224, 224),
        (0.80134, 3.49259, 0.92105, -0.98896, -0.16567, 1.09092, 0.02069, 0.0128),
        7.358,
    ),
}


def fixed_image(channels: int, height: int, width: int) -> Floats32:
    """A sine wave with a different phase in each channel. Shapes: (1, C, H, W)."""
    c, y, x = np.ogrid[:channels, :height, :width]
    return np.sin(0.07 * x + 0.11 * y + 2.0 * c).astype(np.float32)[None]


def check_reference(deployed: Deployed, weights: Path) -> str:
    """Compare a known checkpoint with its reference; return the reference's name, or "".

    Raises:
        ExportError: the network computes other logits from these weights.
    """
    with weights.open("rb") as file:
        known = REFERENCES.get(file_digest(file, "sha256").hexdigest())
    if known is None or known.input != deployed.arch.input:
        return ""
    images = np.repeat(fixed_image(*deployed.arch.input), deployed.batch or 1, axis=0)
    found = deployed.logits(images)[0, : len(known.logits)]
    largest = float(np.abs(found - known.logits).max())
    if not largest <= TOLERANCE * known.largest:
        raise ExportError(
            f"{weights}: the logits of a fixed image are up to {largest:.3g} off those of"
            f" {known.implementation} (largest {known.largest:.3g}), which these weights are of;"
            " leave --weights-of out, and use the network as it is shipped"
        )
    return known.implementation
