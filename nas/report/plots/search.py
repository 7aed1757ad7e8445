"""Plot of a search: estimated top-1 over predicted milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nas.optimize import Candidate, SearchResult
from nas.report.plots.labels import add_name, place_labels
from nas.report.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, RED, plain_numbers, plot
from nas.space.family import family_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAMILIES = {"mobilenet": ORANGE, "efficientnet": GREEN, "mobilevit": PINK, "repvit": BLUE}
"""Family of a known network -> colour."""
FOUND, OTHER = RED, GREY
MARGIN = 3.0
"""Space below the lowest known network, in percentage points."""


def save_front(result: SearchResult, folder: Path) -> None:
    """Write `pareto.png` and `pareto.svg`."""
    with plot(folder / "pareto.png", folder / "pareto.svg") as axes:
        draw(axes, result)
        place_labels(axes)


def draw(axes: Axes, result: SearchResult) -> None:
    """Known networks, the front with its deviation, the best, and the budget."""
    axes.axvline(result.budget_ms, color="black", lw=1, ls="--")
    axes.annotate(
        f" budget {result.budget_ms:g} ms",
        (result.budget_ms, 0.01),
        xycoords=("data", "axes fraction"),
        fontsize=9,
    )
    if result.confidence is not None:
        axes.axvline(result.held_ms, color=OTHER, lw=1, ls=":")
    for seed in result.known:
        name = seed.arch.name
        _point(axes, seed, FAMILIES.get(family_of(name), OTHER), name)
    front = result.pareto
    ms, top1 = [c.ms for c in front], [c.top1 for c in front]
    axes.plot(ms, top1, color=FOUND, lw=1.5, marker=".", ms=5, label="found, the best at each ms")
    lower = [c.top1 - c.top1_sd for c in front]
    upper = [c.top1 + c.top1_sd for c in front]
    axes.fill_between(ms, lower, upper, color=FOUND, alpha=0.15, lw=0, label="± 1 sd")
    _point(axes, result.best, FOUND, f"found: {result.best.arch.name}", marker="*")
    _frame(axes, [*result.known, result.best], front)
    axes.set_xlabel(f"predicted on {result.device.name} [{result.device.unit}], 90 % interval")
    axes.set_ylabel("estimated ImageNet top-1 [%] ± 1 sd")
    sure = "" if result.confidence is None else f" with probability {result.confidence:g}"
    axes.set_title(f"{result.space.name} within {result.budget_ms:g} ms{sure}", loc="left")
    axes.legend(loc="lower right", frameon=False)


def _point(axes: Axes, found: Candidate, colour: str, label: str, marker: str = "o") -> None:
    axes.errorbar(
        found.ms,
        found.top1,
        xerr=[[found.ms - found.ms_low], [found.ms_high - found.ms]],
        yerr=found.top1_sd,
        fmt="none",
        ecolor=colour,
        elinewidth=0.8,
        zorder=3,
    )
    size = 14 if marker == "*" else 6
    axes.plot(found.ms, found.top1, marker, color=colour, ms=size, zorder=5)
    add_name(axes, label, found.ms, found.top1, colour)


def _frame(axes: Axes, named: Sequence[Candidate], front: Sequence[Candidate]) -> None:
    """Fit the accuracy axis to named networks; a wide range of latencies is logarithmic.

    The fast end of a front may be far below the named networks and would squeeze them together.
    """
    lowest = min(c.top1 - c.top1_sd for c in named)
    axes.set_ylim(bottom=lowest - MARGIN if min(c.top1 for c in front) < lowest else None)
    ms = [c.ms for c in (*named, *front)]
    if max(ms) > 4 * min(ms):
        axes.set_xscale("log")
        plain_numbers(axes.xaxis)
