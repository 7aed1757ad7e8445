"""Predicted over measured latency."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import ResultError
from nas.files.staging import staged_file
from nas.report.plots.style import BLUE, METADATA, RED, plain_numbers, plot, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nas.devices.calibration.validate import Validation

NAMED = 5
"""The worst so many networks are labelled."""


def save_predictions(found: Validation, path: Path, *, force: bool = False) -> None:
    """Write predicted over measured milliseconds, each with its interval, as PNG, SVG or PDF.

    Raises:
        ResultError: the file cannot be written, exists already (without `force`), or its suffix is
            no picture format.
    """
    if path.suffix[1:].lower() not in METADATA:
        raise ResultError(f"{path} cannot be written: expected a name ending in .png or .svg")
    with staged_file(path, force=force) as made, plot(made, size=(6.5, 6)) as axes:
        _draw(axes, found)


def _draw(axes: Axes, found: Validation) -> None:
    ends = [f(x.ms, x.prediction.ms) for x in found.checked for f in (min, max)]
    line = [min(ends) / 1.2, max(ends) * 1.2]
    within = [0.9 * x for x in line], [1.1 * x for x in line]
    axes.fill_between(line, *within, color="0.9", lw=0, label="± 10 %")
    axes.plot(line, line, color="black", lw=1, ls="--")
    for inside, colour, label in ((True, BLUE, "in its interval"), (False, RED, "outside")):
        own = [each for each in found.checked if each.inside == inside]
        if own:
            shown = [(p.ms, p.low_ms, p.high_ms) for p in (each.prediction for each in own)]
            look = {"color": colour, "elinewidth": 0.6, "label": f"{len(own)} {label}"}
            points(axes, [each.ms for each in own], shown, **look)
    for each in found.worst[:NAMED]:
        above = each.error_pct > 0  # the label stands on the side away from the line
        axes.annotate(
            each.network,
            (each.ms, each.prediction.ms),
            xytext=(-6 if above else 6, -3),
            textcoords="offset points",
            horizontalalignment="right" if above else "left",
            fontsize=8,
            color="0.3",
        )
    if line[1] > 4 * line[0]:
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            plain_numbers(axis, (1, 2, 5))
    unit, level = found.device.unit, found.device.info["interval"]["level"]
    axes.set_xlabel(f"measured [{unit}]")
    axes.set_ylabel(f"predicted [{unit}], {level:.0%} interval")
    error = found.errors["median_error_pct"]
    title = f"{found.device.name}: median error {error:.1f} % on {len(found.checked)} networks"
    axes.set_title(title, loc="left")
    axes.legend(loc="upper left", frameon=False)
