"""One image file as viewers show it."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas.errors import DataError
from nas.train.data.image import check_whole, read_content, read_image, suffixes, upright_size


def content(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def first_pixel(data: bytes) -> tuple[int, ...]:
    check_whole(Path("x"), data)
    image = read_image(Path("x"), data)
    assert image.mode == "RGB"
    found = image.getpixel((0, 0))
    assert isinstance(found, tuple)
    return found


def palette(transparency: bytes | int) -> Image.Image:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.info["transparency"] = transparency
    return image


@pytest.mark.parametrize(
    ("image", "format", "expected"),
    [
        (Image.new("RGBA", (4, 4), (10, 20, 30, 0)), "PNG", (255, 255, 255)),
        (Image.new("RGBA", (4, 4), (10, 20, 30, 255)), "PNG", (10, 20, 30)),
        (Image.new("RGBA", (4, 4), (0, 0, 0, 51)), "WEBP", (204, 204, 204)),
        (Image.new("LA", (4, 4), (10, 0)), "PNG", (255, 255, 255)),
        (palette(b"\xff\x00"), "PNG", (255, 255, 255)),
        (palette(b"\xff\xff"), "PNG", (200, 0, 0)),
        (palette(1), "GIF", (255, 255, 255)),
        (Image.new("1", (4, 4), 1), "PNG", (255, 255, 255)),
        (Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF", (255, 0, 0)),
        (Image.new("I;16", (4, 4), 0x4FFF), "PNG", (0x4F,) * 3),
        (Image.new("I;16", (4, 4), 0xFFFF), "TIFF", (255,) * 3),
        (Image.new("I", (4, 4), 0x4FFF), "PPM", (0x4F,) * 3),
        (Image.new("F", (4, 4), 0.2), "TIFF", (51,) * 3),
        (Image.new("F", (4, 4), 200.0), "TIFF", (200,) * 3),
    ],
)
def test_every_mode_is_read_as_it_is_shown(
    image: Image.Image, format: str, expected: tuple[int, ...]
) -> None:
    assert first_pixel(content(image, format)) == expected


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime")]
    data = content(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert first_pixel(data) == (255, 0, 0)


@pytest.mark.parametrize("level", [-1.0, 300.0, float("nan")])
def test_levels_without_a_white_are_refused(level: float) -> None:
    data = content(Image.new("F", (4, 4), level), "TIFF")
    for read in (read_image, check_whole):
        with pytest.raises(DataError, match="its levels are floats from"):
            read(Path("x.tif"), data)
    with pytest.raises(DataError, match="its levels are integers from 70000"):
        read_image(Path("x.tif"), content(Image.new("I", (4, 4), 70_000), "TIFF"))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000"])
def test_what_is_cut_short_is_never_whole(format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    data = content(Image.fromarray(noise), format)
    check_whole(Path("x"), data)
    for length in (0, 3, len(data) // 4, len(data) // 2, len(data) - 200):
        for read in (read_image, check_whole):
            with pytest.raises(DataError, match="^x: no image that can be decoded: "):
                read(Path("x"), data[:length])


def test_a_damaged_middle_of_a_png_is_found() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    data = bytearray(content(Image.fromarray(noise), "PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(DataError, match="no image that can be decoded"):
        check_whole(Path("x"), bytes(data))


def test_damaged_metadata_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(content(Image.new("RGB", (8, 4), "red"), "JPEG", exif=b"Exif\0\0nonsense"))
    assert upright_size(path) == (8, 4)
    assert read_image(path).size == (8, 4)


def test_the_size_is_that_of_the_image_as_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "x.jpg"
    Image.new("RGB", (8, 4)).save(path, exif=exif)
    assert upright_size(path) == read_image(path).size == (4, 8)
    assert upright_size(tmp_path / "nothing.jpg") is None


def test_programs_are_never_started_for_an_image(tmp_path: Path) -> None:
    """Ghostscript would be, by Pillow, whatever the file is called."""
    path = tmp_path / "x.png"
    path.write_bytes(content(Image.new("RGB", (4, 4)), "EPS"))
    with pytest.raises(DataError, match="in no format that is read"):
        read_image(path)
    assert {".png", ".jpg", ".gif", ".tif", ".webp"} <= suffixes()
    assert not {".eps", ".mpg", ".h5", ".pdf", ".heic"} & suffixes()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.png")
    (tmp_path / "y.png").symlink_to("nowhere")
    for name in ("x.png", "y.png"):
        with pytest.raises(DataError, match=rf"{name}: no file, or a link to none"):
            read_content(tmp_path / name)
