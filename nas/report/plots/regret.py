"""Plot of a comparison: regret over evaluations, one curve for each strategy.

The axis of regret is logarithmic and ends at 0.01 points; smaller regret is drawn there. Names
stand at the ends of their curves, moved apart if they would overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nas.evaluate.bench.comparison import BASELINE, Comparison
from nas.evaluate.bench.figures import reaches
from nas.evaluate.bench.run import Run
from nas.optimize.strategies import STRATEGIES
from nas.report.plots.style import COLOURS, GREY, plain_numbers, plot
from nas.space.columns import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))
"""Line styles; the next one is used once all colours are."""
PLAIN = "#000000"
"""Colour of random search."""
NEAREST = 0.01
"""Smallest regret on the axis, in percentage points."""
FIRST = 10
"""Earlier evaluations do not stretch the axis."""
SPACE = 0.042
"""Distance between two names, as a fraction of the axis."""


def save_curves(comparison: Comparison, path: Path) -> None:
    """Write the plot."""
    with plot(path) as axes:
        draw(axes, comparison)


def draw(axes: Axes, comparison: Comparison) -> None:
    """Draw curves with bands, the optimum as a line, and names on the right."""
    regrets = {name: _regret(runs, comparison.optimum) for name, runs in comparison.runs.items()}
    evaluations = max(len(mean) for mean, _ in regrets.values())
    x = np.arange(1, evaluations + 1)
    for name, (mean, reach) in regrets.items():
        colour, style = _look(name)
        low, high = (np.maximum(mean + sign * reach, NEAREST) for sign in (-1, 1))
        axes.fill_between(x, low, high, color=colour, alpha=0.13, lw=0)
        line = np.maximum(mean, NEAREST)
        axes.plot(x, line, color=colour, ls=style, lw=2 if name == BASELINE else 1.5)
    _frame(axes, comparison, regrets, evaluations)
    _name(axes, {name: np.log(np.maximum(mean, NEAREST)) for name, (mean, _) in regrets.items()})
    runs = sorted({len(own) for own in comparison.runs.values()})
    counted = " to ".join(str(n) for n in dict.fromkeys((runs[0], runs[-1])))
    axes.set_title(f"{comparison.title}, {counted} runs", loc="left", fontsize=10)


def _regret(runs: Sequence[Run], optimum: float) -> tuple[Floats, Floats]:
    """Means and half-widths of their intervals, each of shape (evaluations,)."""
    regret = optimum - np.array([own.best for own in runs])
    return regret.mean(axis=0), reaches(regret)


def _look(name: str) -> tuple[str, str | tuple[int, tuple[float, ...]]]:
    """Colour and style of a strategy's line, the same in all plots."""
    if name == BASELINE:
        return PLAIN, "-"
    index = [other for other in STRATEGIES if other != BASELINE].index(name)
    return COLOURS[index % len(COLOURS)], STYLES[index // len(COLOURS) % len(STYLES)]


def _frame(
    axes: Axes,
    comparison: Comparison,
    regrets: dict[str, tuple[Floats, Floats]],
    evaluations: int,
) -> None:
    top = max(float(mean[min(FIRST, evaluations) - 1]) for mean, _ in regrets.values())
    axes.set_yscale("log")
    axes.set_ylim(NEAREST * 0.9, max(top * 1.2, NEAREST * 10))
    plain_numbers(axes.yaxis, (1, 2, 5))
    axes.set_xlim(0, evaluations)
    what = "optimum" if comparison.proven else "best known"
    axes.axhline(
        NEAREST,
        color=GREY,
        lw=1,
        ls="--",
        zorder=1,
        label=f"{what}: {comparison.optimum:.2f} %, or nearer than {NEAREST:g}",
    )
    axes.legend(loc="upper right", frameon=False, fontsize=8.5)  # no curve gets there
    axes.set_xlabel("networks evaluated")
    axes.set_ylabel("mean regret of the best so far [points], 95 % interval")


def _name(axes: Axes, curves: dict[str, Floats]) -> None:
    """Name the curves at the right, in the order of their ends."""
    order = sorted(curves, key=lambda name: (curves[name][-1], curves[name].mean()))
    low, high = np.log(axes.get_ylim())
    wanted = [float(curves[name][-1] - low) / float(high - low) for name in order]
    for name, place, at in zip(order, apart(wanted), wanted, strict=True):
        colour, style = _look(name)
        axes.plot(
            [1.005, 1.03, 1.075],
            [at, place, place],
            color=colour,
            ls=style,
            lw=1.2,
            transform=axes.transAxes,
            clip_on=False,
        )
        axes.annotate(
            name,
            (1.085, place),
            xycoords="axes fraction",
            fontsize=8.5,
            color=colour,
            va="center",
            annotation_clip=False,
        )


def apart(wanted: Sequence[float]) -> list[float]:
    """Places from 0 to 1 nearest to the wanted (ascending) ones, at least `SPACE` apart."""
    from scipy.optimize import isotonic_regression

    if not wanted:
        return []
    # with every gap taken out, places need only ascend: a least-squares problem
    gaps = SPACE * np.arange(len(wanted))
    places = isotonic_regression(np.asarray(wanted) - gaps).x
    return list(np.clip(places, 0, max(1 - gaps[-1], 0)) + gaps)
