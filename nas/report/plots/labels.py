"""Names beside points, placed so that they lie on nothing else, or left out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

NAME = "_name"
"""Label of the texts that `place_labels` moves; legends leave out what begins with `_`."""
SIDES = {-1: "right", 0: "center", 1: "left"}
"""Direction from the point to its name -> alignment of the text."""
NEAR, FAR = 7, 12
"""Distances from a point to its name, in typographic points; farther, it could be another's."""
PLACES = [
    (x * distance, y * distance if x else y * (distance + 4))
    for distance, x, y in product((NEAR, FAR), (1, -1, 0), (1, -1, 0))
    if x or y
]
"""Offsets to try, best first."""
MARKER = 12.0
"""Width of a marker, in pixels."""
OUTSIDE, THIN = 10.0, 0.2
"""Cost of a pixel outside of the axes, and on a line; on a text or marker it is 1."""
COVERED = 0.1
"""Share of a name on other texts and markers, above which it is left out."""


def add_name(axes: Axes, name: str, x: float, y: float, colour: str) -> None:
    """Write the name of a point; `place_labels` finds the place for it."""
    from matplotlib.patheffects import withStroke

    text = axes.annotate(
        name,
        (x, y),
        xytext=PLACES[0],
        textcoords="offset points",
        fontsize=8,
        color=colour,
        zorder=4,
        label=NAME,
    )
    # keeps the name readable across lines and error bars
    text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    text.set_in_layout(False)


def place_labels(axes: Axes) -> None:
    """Move every name to where it covers least; call it once everything is drawn.

    Names that were added first are placed first. One that would lie on another is left out.
    """
    from matplotlib.text import Annotation

    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    names = [
        text for text in axes.texts if isinstance(text, Annotation) and text.get_label() == NAME
    ]
    taken = [(box, 1.0) for box in _taken(axes, names)]
    lines = [(box, THIN) for box in _lines(axes)]
    for name in names:
        costs = [(_cost(_moved(name, at), axes.bbox, [*taken, *lines]), at) for at in PLACES]
        box = _moved(name, min(costs, key=lambda cost: cost[0])[1])
        if sum(_shared(box, other) for other, _ in taken) > COVERED * box.width * box.height:
            name.set_visible(False)
        else:
            taken.append((box, 1.0))


def _moved(name: Annotation, place: tuple[float, float]) -> Bbox:
    """Put a name at an offset; return what it covers, in pixels."""
    x, y = place
    name.xyann = place
    name.set_horizontalalignment(SIDES[(x > 0) - (x < 0)])  # type: ignore[arg-type]
    name.set_verticalalignment("bottom" if y > 0 else "top" if y < 0 else "center")
    return name.get_window_extent()


def _cost(box: Bbox, axes: Bbox, taken: list[tuple[Bbox, float]]) -> float:
    """Pixels of a text that lie on something or outside of the axes, weighted."""
    inside = _shared(box, axes)
    return OUTSIDE * (box.width * box.height - inside) + sum(
        weight * _shared(box, other) for other, weight in taken
    )


def _shared(one: Bbox, other: Bbox) -> float:
    """Area that two boxes share."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return float(max(0.0, width) * max(0.0, height))


def _taken(axes: Axes, names: list[Annotation]) -> Iterator[Bbox]:
    """The legend, other texts and the markers."""
    from matplotlib.transforms import Bbox

    if legend := axes.get_legend():
        yield legend.get_window_extent()
    yield from (text.get_window_extent() for text in axes.texts if text not in names)
    for name in names:
        x, y = axes.transData.transform(name.xy)
        yield Bbox.from_bounds(x - MARKER / 2, y - MARKER / 2, MARKER, MARKER)


def _lines(axes: Axes) -> Iterator[Bbox]:
    """Boxes around the error bars, and along the curves."""
    from matplotlib.collections import LineCollection
    from matplotlib.transforms import Bbox

    paths = [line.get_transform().transform(line.get_xydata()) for line in axes.lines]
    for bars in axes.collections:
        own = bars.get_segments() if isinstance(bars, LineCollection) else []
        paths += [axes.transData.transform(segment) for segment in own]
    for pixels in paths:
        for start, end in zip(pixels[:-1], pixels[1:], strict=True):
            (x0, x1), (y0, y1) = (sorted(ends) for ends in zip(start, end, strict=True))
            yield Bbox([(x0 - 1, y0 - 1), (x1 + 1, y1 + 1)])
