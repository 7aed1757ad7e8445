"""The style that all matplotlib plots share: palette, frame, number format, file metadata."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.files.staging import MADE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

#: readable with any colour vision: Okabe and Ito's palette, with a purple of Tol's
ORANGE, GREEN, PINK, BLUE = "#E69F00", "#009E73", "#CC79A7", "#0072B2"
RED, PURPLE, SKY, GREY = "#D55E00", "#882255", "#56B4E9", "#777777"
COLOURS = (RED, BLUE, GREEN, PINK, ORANGE, PURPLE, SKY)
"""Colours of curves, most distinct first."""

METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": MADE},
    "svg": {"Creator": MADE, "Date": None},
    "pdf": {"Creator": MADE},
}
"""Picture format -> metadata which say that nas made it."""


@contextmanager
def plot(*paths: Path, size: tuple[float, float] = (8, 5), font_size: float = 10) -> Iterator[Axes]:
    """Axes in the common style; at the end the figure is written to all paths.

    The suffix of a path chooses the format: PNG, SVG or PDF. `size` is in inches.
    """
    with panels(*paths, number=1, size=size, font_size=font_size) as (axes,):
        yield axes


@contextmanager
def panels(
    *paths: Path, number: int, size: tuple[float, float] = (8, 5), font_size: float = 10
) -> Iterator[Sequence[Axes]]:
    """Like `plot`, with several axes beside each other, each of this size."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # a Figure without pyplot needs no display; the salt makes ids in an SVG repeatable
    with rc_context({"svg.hashsalt": "nas", "font.size": font_size}):
        figure = Figure(figsize=(size[0] * number, size[1]), layout="constrained")
        found: list[Axes] = list(figure.subplots(1, number, squeeze=False)[0])
        for axes in found:
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(alpha=0.25)
        yield found
        for path in paths:
            kind = path.suffix[1:].lower()
            figure.savefig(path, dpi=150, format=kind, metadata=METADATA[kind])


def points(
    axes: Axes, x: Sequence[float], y: Sequence[tuple[float, float, float]], **look: Any
) -> None:
    """Draw points with their intervals: each `y` is a value and the ends of its interval."""
    import numpy as np

    value, low, high = np.transpose(y)
    axes.errorbar(x, value, yerr=[value - low, high - value], fmt="o", ms=5, **look)


def plain_numbers(axis: Axis, digits: Sequence[float] = (1, 1.5, 2, 3, 4, 5, 6, 8)) -> None:
    """Label a logarithmic axis with plain numbers at these leading digits."""
    from matplotlib.ticker import FixedLocator, NullLocator

    ticks = [digit * 10.0**power for power in range(-3, 5) for digit in digits]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")
