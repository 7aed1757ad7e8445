"""The picture of a search: estimated top-1 over predicted milliseconds, PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nas.optimize import Candidate, SearchResult
from nas.space.family import family_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

#: family of a seed -> colour, from Okabe and Ito's palette for all eyes
FAMILIES = {
    "mobilenet": "#E69F00",
    "efficientnet": "#009E73",
    "mobilevit": "#CC79A7",
    "repvit": "#0072B2",
}
FOUND = "#D55E00"
OTHER = "#777777"
MARGIN = 3.0
"""Points of accuracy below the lowest named network."""


def save_front(result: SearchResult, folder: Path) -> None:
    """Write `pareto.png` and `pareto.svg`."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # without pyplot: no global state, no display; fixed ids keep the SVG repeatable
    with rc_context({"svg.hashsalt": "nas", "font.size": 10, "axes.spines.right": False}):
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.subplots()
        axes.spines["top"].set_visible(False)
        _draw(axes, result)
        figure.savefig(folder / "pareto.png", dpi=150)
        figure.savefig(folder / "pareto.svg", metadata={"Date": None})


def _draw(axes: Axes, result: SearchResult) -> None:
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
        _point(axes, seed, _colour(seed.arch.name), seed.arch.name)
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
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", frameon=False)


def _point(axes: Axes, found: Candidate, colour: str, label: str, marker: str = "o") -> None:
    from matplotlib.patheffects import withStroke

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
    text = axes.annotate(
        label,
        (found.ms, found.top1),
        xytext=(7, 6),
        textcoords="offset points",
        fontsize=8,
        color=colour,
        zorder=4,
    )
    # readable where it crosses a line or another point's bar
    text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def _frame(axes: Axes, named: Sequence[Candidate], front: Sequence[Candidate]) -> None:
    """A logarithmic axis where latencies span more than fourfold; accuracies of named networks.

    The fast end of a front may fall far below them all, and would press them into one line.
    """
    lowest = min(c.top1 - c.top1_sd for c in named)
    axes.set_ylim(bottom=lowest - MARGIN if min(c.top1 for c in front) < lowest else None)
    ms = [c.ms for c in (*named, *front)]
    if max(ms) > 4 * min(ms):
        axes.set_xscale("log")
        plain_numbers(axes.xaxis)


def plain_numbers(axis: Axis, digits: Sequence[float] = (1, 1.5, 2, 3, 4, 5, 6, 8)) -> None:
    """Numbers as one writes them on a logarithmic axis, at these leading digits."""
    from matplotlib.ticker import FixedLocator, NullLocator

    ticks = [digit * 10.0**power for power in range(-3, 5) for digit in digits]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")


def _colour(name: str) -> str:
    return FAMILIES.get(family_of(name), OTHER)
