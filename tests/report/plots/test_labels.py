"""Names of points lie on nothing: neither on each other nor on markers, nor outside."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from nas.report.plots.labels import NAME, add_name, place_labels


def test_names_of_a_crowd_lie_on_nothing_else() -> None:
    axes = Figure(figsize=(8, 5), layout="constrained").subplots()
    rng = np.random.default_rng(0)
    spots = [*rng.uniform(0.45, 0.6, (5, 2)), (0.0, 0.0), (1.0, 1.0)]
    for number, (x, y) in enumerate(spots):
        axes.plot(x, y, "o", ms=6)
        add_name(axes, f"network {number}", x, y, "black")
    place_labels(axes)
    names = [text.get_window_extent() for text in axes.texts if text.get_label() == NAME]
    assert len(names) == len(spots)
    for one, other in itertools.combinations(names, 2):
        assert Bbox.intersection(one, other) is None
    pixels = axes.transData.transform(spots)
    assert not any(name.contains(x, y) for name in names for x, y in pixels)
    assert all(axes.bbox.containsx(x) for name in names for x in (name.x0, name.x1))
