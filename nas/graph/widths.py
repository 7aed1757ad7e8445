"""Channel widths: absolute (`72`), or a ratio of the row's input width (`6x`).

All arithmetic is branch-free, so a width may be one int or a column of ints (`nas.space.columns`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Width = Any
"""An int or an integer column; lowering does not distinguish them."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio like `6x`: six times the input width; fractions are rounded by `make_divisible`."""

    times: float

    def of(self, width: Width) -> Width:
        """The absolute width for an input of `width` channels."""
        if self.times == int(self.times):
            return width * int(self.times)
        return make_divisible(width * self.times)

    def __str__(self) -> str:
        return f"{self.times:g}x"


@dataclass(frozen=True, slots=True)
class Plus:
    """The input's width and `more` channels, such as those that rows above keep."""

    more: int

    def of(self, width: Width) -> Width:
        """The absolute width for an input of `width` channels."""
        return width + self.more


def whole(value: Any) -> Width:
    """A float of whole value as an int; elementwise for a column."""
    return value.astype(int) if hasattr(value, "astype") else int(value)


def floored(value: Any) -> Width:
    """Largest whole width up to a value, at least 1."""
    width = whole(value // 1)
    return width + (width < 1)


def make_divisible(value: Any, divisor: int = 8, keep: float = 0.9) -> Width:
    """Nearest multiple of `divisor`, at least one of it and never below `keep` of `value`.

    Source: MobileNetV2's reference code (`_make_divisible`); RepViT's SE uses keep=0.
    """
    nearest = whole((value + divisor / 2) // divisor * divisor)
    nearest = nearest + (divisor - nearest) * (nearest < divisor)
    return nearest + divisor * (nearest < keep * value)
