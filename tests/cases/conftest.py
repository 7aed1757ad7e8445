"""Small inputs that once ended wrongly, each with what is right."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ..cli.conftest import Nas, Ran, few_generations, here, nas

__all__ = ["Nas", "Ran", "few_generations", "here", "nas"]

ASSETS = Path(__file__).parent


@pytest.fixture
def tiny(here: Path) -> Path:
    """A folder that commands run in, with a network, a recipe, a space and images in `a.npz`."""
    for name in ("tiny.yaml", "tinyrec.yaml", "tinyspace.yaml"):
        shutil.copy(ASSETS / name, here)
    write_images(here / "a.npz")
    return here


def write_images(path: Path, *, seed: int = 0, n: int = 40, classes: int = 4) -> None:
    """An .npz of so many images, a fifth of them test images; the brightness tells the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    noise = rng.integers(0, 60, (n, 8, 8))
    images = (noise + labels[:, None, None] * 190 // classes).astype(np.uint8)
    train = n - n // 5
    np.savez(
        path,
        images=images[:train],
        labels=labels[:train],
        test_images=images[train:],
        test_labels=labels[train:],
    )
