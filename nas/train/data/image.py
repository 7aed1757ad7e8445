"""One image file as 8-bit RGB, as viewers show it.

Turned as its EXIF data say, the first frame of several, what is transparent over white. 16 bits
keep their upper 8; floats are taken to be 0 to 1, or 0 to 255 where one is larger.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from nas.errors import DataError, first_line

STUBS = {"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF"}
"""Formats that Pillow knows but does not decode alone; for EPS it would start another program."""
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what makes it upright, as `ImageOps.exif_transpose` does, which
also rewrites the metadata, and fails where they are damaged."""
SWAPPED = {5, 6, 7, 8}
"""Orientations that swap width and height."""
DECODING = (
    "8-bit RGB, turned by EXIF orientation, first frame, transparency over white;"
    " of 16 bits the upper 8"
)
"""How a file becomes the pixels that networks are trained on, for those who repeat it."""


@cache
def formats() -> tuple[str, ...]:
    """Of Pillow, that are read."""
    Image.init()
    return tuple(name for name in Image.OPEN if name not in STUBS)


@cache
def suffixes() -> frozenset[str]:
    """Of files in these formats, in lower case."""
    found, read = Image.registered_extensions(), set(formats())
    return frozenset(suffix for suffix, name in found.items() if name in read)


def read_content(path: Path) -> bytes:
    """Of a regular file.

    Raises:
        DataError: naming it, if it is none or cannot be read.
    """
    if not path.is_file():  # a pipe would be waited for
        raise DataError(f"{path}: no file, or a link to none")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


@contextmanager
def _opened(path: Path, content: bytes | None) -> Iterator[Image.Image]:
    try:
        with Image.open(path if content is None else BytesIO(content), formats=formats()) as image:
            yield image
    except Exception as error:  # a damaged file makes the decoders raise nearly anything
        raise DataError(f"{path}: no image that can be decoded: {_reason(error)}") from None


def read_image(path: Path, content: bytes | None = None) -> Image.Image:
    """One image file, or its content, as RGB.

    Raises:
        DataError: naming the file, if it is damaged or no image, and why.
    """
    with _opened(path, content) as image:
        image.load()
        return _rgb(_upright(image), image.format)


def check_whole(path: Path, content: bytes) -> None:
    """Refuse what `read_image` would refuse, in a part of its time.

    A PNG's checksums are compared; a JPEG is decoded at an eighth of its size.

    Raises:
        DataError: as `read_image`.
    """
    with _opened(path, content) as image:
        if image.format == "PNG" and image.mode not in _LEVELS:
            image.verify()
            return
        image.draft(None, (1, 1))
        image.load()
        _rgb(image, image.format)


def upright_size(path: Path) -> tuple[int, int] | None:
    """Width and height as shown, without decoding; None: it is damaged."""
    try:
        with Image.open(path, formats=formats()) as image:
            width, height = image.size
            return (height, width) if _orientation(image) in SWAPPED else (width, height)
    except Exception:  # as above
        return None


def square(image: Image.Image, side: int) -> Image.Image:
    """The middle of an image as a side x side square: the shorter side resized, the rest cut."""
    short = min(image.size)
    scale = side / short
    width, height = (max(side, round(length * scale)) for length in image.size)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - side) // 2, (height - side) // 2
    return resized.crop((left, top, left + side, top + side))


@contextmanager
def without_warnings() -> Iterator[None]:
    """Pillow warns of odd metadata, which change no pixel. Not to be entered by several threads."""
    with warnings.catch_warnings():
        ignore_warnings()
        yield


def ignore_warnings() -> None:
    """Of Pillow, in this process."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


_LEVELS = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
"""Modes of other than 8 bits a channel."""


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is in no format that is read"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return first_line(error)


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged metadata make the readers raise nearly anything
        return 1
    return found if isinstance(found, int) else 1


def _upright(image: Image.Image) -> Image.Image:
    method = UPRIGHT.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _rgb(image: Image.Image, format: str | None) -> Image.Image:
    if image.mode in _LEVELS:
        image = Image.fromarray(_eight_bits(np.asarray(image), image.mode, format))
    if image.has_transparency_data:
        shown = Image.new("RGBA", image.size, "white")
        shown.alpha_composite(image.convert("RGBA"))
        image = shown
    return image.convert("RGB")


def _eight_bits(levels: NDArray[Any], mode: str, format: str | None) -> NDArray[np.uint8]:
    """Levels of 16 bits, or floats, without clipping any.

    Raises:
        ValueError: nothing says which level is white.
    """
    low, high = float(levels.min()), float(levels.max())
    if mode == "F" and 0 <= low <= high <= 255:  # nor NaN
        return np.array(np.rint(levels * (1 if high > 1 else 255)), np.uint8)
    # Pillow reads 16 bits as `I`, too, from these formats alone
    if mode != "F" and (mode != "I" or format in ("PNG", "PPM")) and 0 <= low <= high < 2**16:
        return np.array(levels // 256, np.uint8)
    kind = "floats" if mode == "F" else "integers"
    raise ValueError(
        f"its levels are {kind} from {low:g} to {high:g}; expected 8 or 16 bits, or floats from"
        " 0 to 1 or to 255"
    )
