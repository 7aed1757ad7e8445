"""Plots of a sweep: the front of each device, and accuracy over budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.report.plots.regret import COLOURS
from nas.report.tables.sweep import label_of
from nas.study.fronts import fronts
from nas.study.sweep.cell_status import CellStatus

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BUDGETS = "budgets.png"


def save_sweep_plots(folder: Path, statuses: Sequence[CellStatus]) -> None:
    """`pareto-DEVICE.png` of each device, and `budgets.png`; nothing of a device without a cell."""
    done = [status for status in statuses if status.state == "done"]
    devices = list(dict.fromkeys(status.device for status in done))
    for device in devices:
        own = [status for status in done if status.device == device]
        _save(folder / f"pareto-{Path(device).name}.png", partial(_front, done=own))
    if len({status.budget_ms for status in done}) > 1:
        _save(folder / BUDGETS, partial(_budgets, done=done))


def _save(path: Path, draw: Callable[[Axes], None]) -> None:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.size": 10, "axes.spines.right": False, "axes.spines.top": False}):
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
        axes.grid(alpha=0.25)
        axes.set_ylabel("trained top-1 of the winner [%], 95 % interval")
        figure.savefig(path, dpi=150)


def _front(axes: Axes, done: Sequence[CellStatus]) -> None:
    """Winners of a device; a line through those that no other one beats."""
    import numpy as np

    for index, (label, own) in enumerate(_grouped(done, ("space", "strategy"))):
        _points(axes, [s.predicted_ms for s in own], own, label, COLOURS[index % len(COLOURS)])
    values = np.array([[s.trained_top1, -(s.predicted_ms or 0.0)] for s in done], np.float64)
    first = values[fronts(values) == 0]
    order = np.argsort(-first[:, 1])
    axes.plot(-first[order, 1], first[order, 0], color="black", lw=1, zorder=1, label="front")
    axes.set_xlabel("predicted ms")
    axes.set_title(f"Winners of the cells on {Path(done[0].device).name}", loc="left")


def _budgets(axes: Axes, done: Sequence[CellStatus]) -> None:
    """Accuracy over the budget: every cell, and a line through the means of its seeds."""
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
    """Standings with the same of these, under what they have in common."""
    found: dict[str, list[CellStatus]] = {}
    for status in statuses:
        found.setdefault(", ".join(label_of(status, name) for name in names), []).append(status)
    return list(found.items())
