"""Plots of adapted widths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nas.adapt.width_groups import width_columns
from nas.report.plots.style import BLUE, ORANGE, plot
from nas.space.arch import Arch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nas.adapt.result import Adaptation
    from nas.adapt.steps import Step

SHOWN = 10
"""Proposals this many points below the worst accepted step are not drawn."""
BEFORE, AFTER, TRIED = "#BBBBBB", BLUE, ORANGE


@dataclass(frozen=True, slots=True)
class WidthChange:
    """One width of the table, before and after."""

    row: int
    """Row number, from 1."""
    op: str
    column: str
    before: int
    after: int


def width_changes(before: Arch, after: Arch) -> Iterator[WidthChange]:
    """Compare every width of two tables with the same rows."""
    pairs = zip(before.rows, after.rows, strict=True)
    for number, (old, new) in enumerate(pairs, start=1):
        for name in width_columns(old):
            yield WidthChange(number, old.op, name, getattr(old, name), getattr(new, name))


def save_pictures(folder: Path, made: Adaptation) -> None:
    """Plot the widths before and after, and for NetAdapt the accuracies of its proposals."""
    save_widths(folder / "widths.png", made.before, made.after)
    if job := made.job:
        tried = [(r["predicted_ms"], r["top1"]) for r in job.tried() if r.get("top1") is not None]
        path = folder / "accuracy.png"
        save_accuracy(path, job.steps(), tried, made.device.name, job.plan.budget_ms)


def save_accuracy(
    path: Path,
    steps: Sequence[Step],
    tried: Sequence[tuple[float, float]],
    device: str,
    budget_ms: float,
) -> None:
    """Plot top-1 over predicted latency: every proposal, and the accepted path."""
    lowest = min(step.top1 for step in steps) - SHOWN
    shown = [point for point in tried if point[1] >= lowest]
    with plot(path) as axes:
        if shown:
            below = f", {len(tried) - len(shown)} lower" if len(shown) < len(tried) else ""
            label = f"proposals{below}"
            axes.plot(*zip(*shown, strict=True), ".", color=TRIED, ms=4, alpha=0.5, label=label)
        way = [s.ms for s in steps], [s.top1 for s in steps]
        axes.plot(*way, "-o", color=AFTER, ms=4, label="taken, one a step")
        axes.axvline(budget_ms, color="black", lw=1, ls="--", label=f"budget {budget_ms:g} ms")
        axes.set_xlabel(f"predicted on {device} [ms]")
        axes.set_ylabel("top-1 after the short training [% of validation images]")
        axes.set_title(f"{steps[0].arch.name}, {len(steps) - 1} steps", loc="left")
        axes.legend(frameon=False)


def save_widths(path: Path, before: Arch, after: Arch) -> None:
    """Plot a pair of bars for each width except the classifier's."""
    shown = [
        w for w in width_changes(before, after) if w.row < len(before.rows) and w.column != "heads"
    ]
    height = max(3.0, 0.19 * len(shown) + 1.2)
    with plot(path, size=(8, height), font_size=9) as axes:
        axes.grid(visible=False)
        _bars(axes, shown)
        axes.set_title(f"{before.name}: widths before and after", loc="left")


def _bars(axes: Axes, shown: Sequence[WidthChange]) -> None:
    places = range(len(shown))
    axes.barh(places, [w.before for w in shown], color=BEFORE, height=0.8, label="before")
    axes.barh(places, [w.after for w in shown], color=AFTER, height=0.45, label="after")
    for place, w in zip(places, shown, strict=True):
        change = f" {w.after}" if w.after == w.before else f" {w.before} to {w.after}"
        axes.text(max(w.before, w.after), place, change, va="center", fontsize=7)
    axes.set_yticks(list(places), [f"{w.row} {w.op} {w.column}" for w in shown], fontsize=7)
    axes.invert_yaxis()
    axes.margins(x=0.12, y=0.01)
    axes.set_xlabel("channels")
    axes.legend(frameon=False, loc="best")
