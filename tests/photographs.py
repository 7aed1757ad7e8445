"""A folder of photographs as users have it: CLASS/*.jpg, made from circles, squares and triangles.

Nobody has split them. Sizes, formats and names vary; notes.txt and .DS_Store are no images.

    python tests/photographs.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("a circle", "square shape", "triangle-Ü")
IMAGES = 141
SIZES = ((640, 480), (480, 640), (800, 600), (512, 512))


def write_photographs(folder: Path, images: int = IMAGES, *, shrink: int = 1) -> Path:
    """Write so many images, as many of each class, at a size `shrink` times smaller."""
    rng = np.random.default_rng(0)
    for number in range(images):
        label = number % len(CLASSES)
        place = folder / CLASSES[label]
        place.mkdir(parents=True, exist_ok=True)
        width, height = (side // shrink for side in SIZES[number // 3 % len(SIZES)])
        _save(_photograph(label, width, height, rng), place, number)
    (folder / "notes.txt").write_text("taken in the garden\n", encoding="utf-8")
    (folder / CLASSES[0] / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    return folder


def _photograph(label: int, width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """One shape of any colour at any place, on a noisy background that gets darker to one side."""
    slope = np.linspace(0.5, 1, width)[None, :, None]
    noise = rng.normal(0, 12, (height, width, 3))
    background = rng.integers(90, 200, 3) * slope + noise
    image = Image.fromarray(background.clip(0, 255).astype(np.uint8))
    radius = int(min(width, height) * rng.uniform(0.2, 0.35))
    x, y = (int(rng.integers(radius, length - radius)) for length in (width, height))
    colour = tuple(int(level) for level in rng.integers(0, 256, 3))
    draw = ImageDraw.Draw(image)
    if label == 0:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    else:
        sides = 4 if label == 1 else 3
        draw.regular_polygon((x, y, radius), sides, rotation=int(rng.integers(90)), fill=colour)
    return image


def _save(image: Image.Image, folder: Path, number: int) -> None:
    if number % 20 == 7:
        image.convert("L").save(folder / f"grey {number}.png")
    elif number % 20 == 11:
        image.convert("RGBA").save(folder / f"IMG_{number:04}.png")
    else:
        suffix = "JPG" if number % 5 else "jpeg"
        image.save(folder / f"IMG_{number:04}.{suffix}", quality=90)


if __name__ == "__main__":
    write_photographs(Path(sys.argv[1]))
