from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Makes a folder of images: two classes told apart by their colour."""

    def make(side: int = 24, images: int = 6, classes: tuple[str, ...] = ("blue", "red")) -> Path:
        rng = np.random.default_rng(0)
        for part in ("train", "val"):
            for channel, name in enumerate(classes):
                (tmp_path / part / name).mkdir(parents=True)
                for number in range(images):
                    pixels = rng.integers(0, 60, (side, side + 8, 3), dtype=np.uint8)
                    pixels[..., channel % 3] += 180
                    path = tmp_path / part / name / f"{number}.png"
                    Image.fromarray(pixels).save(path)
        return tmp_path

    return make
