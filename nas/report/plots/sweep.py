"""Plots of a sweep: the front of each device, and accuracy over budgets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.report.plots.style import COLOURS, plot
from nas.report.tables.sweep import label_of
from nas.study.fronts import fronts
from nas.study.sweep.cell_status import CellStatus

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BUDGETS = "budgets.png"


def save_sweep_plots(folder: Path, statuses: Sequence[CellStatus]) -> None:
    """Write `pareto-DEVICE.png` for each device with a finished cell, and `budgets.png`."""
    done = [status for status in statuses if status.state == "done"]
    devices = list(dict.fromkeys(status.device for status in done))
    for device in devices:
        own = [status for status in done if status.device == device]
        with plot(folder / f"pareto-{Path(device).name}.png") as axes:
            _front(axes, own)
    if len({status.budget_ms for status in done}) > 1:
        with plot(folder / BUDGETS) as axes:
            _budgets(axes, done)


def _finish(axes: Axes) -> None:
    figure: Any = axes.figure
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    axes.set_ylabel("trained top-1 of the winner [%], 95 % interval")


def _front(axes: Axes, done: Sequence[CellStatus]) -> None:
    """Winners on one device; a line joins those that no other one beats."""
    import numpy as np

    for index, (label, own) in enumerate(_grouped(done, ("space", "strategy"))):
        _points(axes, [s.predicted_ms for s in own], own, label, COLOURS[index % len(COLOURS)])
    values = np.array([[s.trained_top1, -(s.predicted_ms or 0.0)] for s in done], np.float64)
    first = values[fronts(values) == 0]
    order = np.argsort(-first[:, 1])
    axes.plot(-first[order, 1], first[order, 0], color="black", lw=1, zorder=1, label="front")
    axes.set_xlabel("predicted ms")
    axes.set_title(f"Winners of the cells on {Path(done[0].device).name}", loc="left")
    _finish(axes)


def _budgets(axes: Axes, done: Sequence[CellStatus]) -> None:
    """Accuracy of every cell over its budget; a line joins the means of the seeds."""
    for index, (label, own) in enumerate(_grouped(done, ("space", "device", "strategy"))):
        colour = COLOURS[index % len(COLOURS)]
        _points(axes, [s.budget_ms for s in own], own, label, colour)
        by_budget = _grouped(own, ("budget_ms",))
        means = [
            (s[0].budget_ms, sum(t.trained_top1 or 0 for t in s) / len(s)) for _, s in by_budget
        ]
        axes.plot(*zip(*sorted(means), strict=True), color=colour, lw=1.2)
    axes.set_xlabel("latency budget [predicted ms]")
    axes.set_title("Accuracy that a budget buys; a line joins the means of seeds", loc="left")
    _finish(axes)


def _points(axes: Axes, x: Sequence[Any], own: Sequence[Any], label: str, colour: str) -> None:
    down = [s.trained_top1 - s.trained_top1_low for s in own]
    up = [s.trained_top1_high - s.trained_top1 for s in own]
    y = [s.trained_top1 for s in own]
    axes.errorbar(
        x,
        y,
        yerr=[down, up],
        fmt="o",
        ms=5,
        lw=0,
        elinewidth=1,
        capsize=2,
        color=colour,
        label=label,
    )


def _grouped(
    statuses: Iterable[CellStatus], names: Sequence[str]
) -> list[tuple[str, list[CellStatus]]]:
    """Group cells by these settings, under a label that names them."""
    found: dict[str, list[CellStatus]] = {}
    for status in statuses:
        found.setdefault(", ".join(label_of(status, name) for name in names), []).append(status)
    return list(found.items())
