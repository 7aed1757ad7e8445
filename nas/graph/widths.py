"""Channel widths: absolute (`72`), or a ratio of the row's input width (`6x`).

All arithmetic is branch-free, so a width may be one int or a column of ints (`nas.space.columns`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Width = Any
"""An int, or an integer column: lowering treats both alike."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """`6x`: six times the input width. A fractional product is rounded by `make_divisible`."""

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
    """So many channels more than the input's: what rows above kept stands beside it."""

    more: int

    def of(self, width: Width) -> Width:
        """The absolute width for an input of `width` channels."""
        return width + self.more


def whole(value: Any) -> Width:
    """A float that holds a whole number, as an int (elementwise for a column)."""
    return value.astype(int) if hasattr(value, "astype") else int(value)


def make_divisible(value: Any, divisor: int = 8, keep: float = 0.9) -> Width:
    """Nearest multiple of `divisor`, at least one of it and never below `keep` of `value`.

    Source: MobileNetV2's reference code (`_make_divisible`); RepViT's SE uses keep=0.
    """
    nearest = whole((value + divisor / 2) // divisor * divisor)
    nearest = nearest + (divisor - nearest) * (nearest < divisor)
    return nearest + divisor * (nearest < keep * value)
