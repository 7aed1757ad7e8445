"""Plot of a search: estimated top-1 over predicted milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nas.optimize import Candidate, SearchResult
from nas.report.plots.labels import add_name, place_labels
from nas.report.plots.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    PURPLE,
    RED,
    panels,
    plain_numbers,
)
from nas.space.family import family_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nas.study.results import StudyResult

T = TypeVar("T")

FAMILIES = {"mobilenet": ORANGE, "efficientnet": GREEN, "mobilevit": PINK, "repvit": BLUE}
"""Family of a known network -> colour."""
FOUND, OTHER = RED, GREY
MARGIN = 3.0
"""Space below the lowest known network, in percentage points."""


def save_front(result: SearchResult, folder: Path, studied: StudyResult | None = None) -> None:
    """Write `pareto.png` and `pareto.svg`: a panel for each device, and one of trained accuracy."""
    devices = len(result.devices)
    files = (folder / "pareto.png", folder / "pareto.svg")
    with panels(*files, number=devices + bool(studied)) as axes:
        for number in range(devices):
            draw(axes[number], result, studied, number)
        if studied:
            draw_trained(axes[-1], result, studied)
        for own in axes:
            place_labels(own)


def draw(
    axes: Axes, result: SearchResult, studied: StudyResult | None = None, number: int = 0
) -> None:
    """On one device: known networks, the front, trained candidates, the result, the budget."""
    best = studied.trials[0].candidate if studied else result.best
    shown = _on_device(result, [best], number)[0]
    _draw_budget(axes, result, number)
    _point(axes, shown, FOUND, f"{'result' if studied else 'found'}: {best.arch.name}", marker="*")
    known = _on_device(result, [c for c in result.known if c.arch != best.arch], number)
    for candidate in _unbeaten_first(known):
        name = candidate.arch.name
        _point(axes, candidate, FAMILIES.get(family_of(name), OTHER), name)
    front = _on_device(result, result.pareto, number)
    _draw_front(axes, front, line=number == 0)
    if studied:
        trained = _on_device(result, [trial.candidate for trial in studied.trials], number)
        _draw_candidates(axes, [c.ms for c in trained], [c.top1 for c in trained])
    _frame(axes, [*known, shown], front)
    device = result.devices[number]
    axes.set_xlabel(f"predicted on {device.name} [{device.unit}], 90 % interval")
    axes.set_ylabel("estimated ImageNet top-1 [%] ± 1 sd")
    axes.set_title(_title(result, number), loc="left")
    axes.legend(loc="lower right", frameon=False)


def draw_trained(axes: Axes, result: SearchResult, studied: StudyResult) -> None:
    """Trained accuracy of every candidate over its latency, with the result and its interval."""
    own, best = studied.accuracy, studied.trials[0].candidate
    _draw_budget(axes, result, 0)
    trained = [(t.candidate.ms, t.top1s[t.epochs]) for t in studied.trials if t.top1s]
    _draw_candidates(axes, [ms for ms, _ in trained], [top1 for _, top1 in trained])
    axes.errorbar(
        [best.ms],
        [own.top1],
        xerr=[[best.ms - best.ms_low], [best.ms_high - best.ms]],
        yerr=[[own.top1 - own.low], [own.high - own.top1]],
        fmt="*",
        ms=14,
        color=FOUND,
        elinewidth=0.8,
        label=f"result: {best.arch.name}, {studied.weights_from}",
    )
    axes.set_xlabel(f"predicted on {result.device.name} [{result.device.unit}], 90 % interval")
    how, title = "trained top-1", "trained candidates after their last epoch"
    if studied.supernet:
        how, title = "top-1", "candidates with inherited weights; result: test images"
    axes.set_ylabel(f"{how} on {studied.data} [%], 95 % interval")
    axes.set_title(title, loc="left")
    axes.legend(loc="lower right", frameon=False)


def _on_device(
    result: SearchResult, found: Sequence[Candidate], number: int
) -> Sequence[Candidate]:
    """Candidates with their latency on one of the devices."""
    if number == 0:
        return found
    latencies = [result.latencies(candidate.arch)[number] for candidate in found]
    return [
        replace(candidate, ms=own.ms, ms_low=own.ms_low, ms_high=own.ms_high)
        for candidate, own in zip(found, latencies, strict=True)
    ]


def _unbeaten_first(known: Sequence[Candidate]) -> list[Candidate]:
    """Known networks that no other beats, then the rest, each fastest first."""
    first = {c.arch.name for c in unbeaten(known)}
    return sorted(known, key=lambda c: (c.arch.name not in first, c.ms))


def unbeaten(found: Sequence[Candidate]) -> list[Candidate]:
    """Networks for which no other is as fast and as accurate, fastest first."""
    return undominated(found, lambda candidate: (candidate.ms, candidate.top1))


def undominated(found: Iterable[T], place: Callable[[T], tuple[float, float]]) -> list[T]:
    """The Pareto front, fastest first; `place` gives milliseconds and accuracy."""
    kept: list[T] = []
    most = -inf
    spots = [(*place(each), each) for each in found]
    for _, top1, each in sorted(spots, key=lambda spot: (spot[0], -spot[1])):
        if top1 > most:
            kept.append(each)
            most = top1
    return kept


def _draw_budget(axes: Axes, result: SearchResult, number: int) -> None:
    budget_ms = result.limits.ms[number]
    axes.axvline(budget_ms, color="black", lw=1, ls="--")
    axes.annotate(
        f" budget {budget_ms:g} ms",
        (budget_ms, 0.01),
        xycoords=("data", "axes fraction"),
        fontsize=9,
    )
    if result.confidence is not None:
        axes.axvline(result.limits.held_ms[number], color=OTHER, lw=1, ls=":")


def _draw_front(axes: Axes, front: Sequence[Candidate], *, line: bool) -> None:
    """The front; on a device that it is not the front of, its networks without a line."""
    ms, top1 = [c.ms for c in front], [c.top1 for c in front]
    if not line:
        axes.plot(ms, top1, ".", color=FOUND, ms=5, label="found, the front of the first device")
        return
    axes.plot(ms, top1, color=FOUND, lw=1.5, marker=".", ms=5, label="found, the best at each ms")
    lower = [c.top1 - c.top1_sd for c in front]
    upper = [c.top1 + c.top1_sd for c in front]
    axes.fill_between(ms, lower, upper, color=FOUND, alpha=0.15, lw=0, label="± 1 sd")


def _draw_candidates(axes: Axes, ms: Sequence[float], top1: Sequence[float]) -> None:
    axes.plot(ms, top1, "D", color=PURPLE, mfc="none", ms=9, zorder=4, label="trained candidates")


def _title(result: SearchResult, number: int) -> str:
    sure = "" if result.confidence is None else f" with probability {result.confidence:g}"
    return f"{result.space.name} within {result.limits.ms[number]:g} ms{sure}"


def _point(axes: Axes, found: Candidate, colour: str, label: str, marker: str = "o") -> None:
    axes.errorbar(
        found.ms,
        found.top1,
        xerr=[[found.ms - found.ms_low], [found.ms_high - found.ms]],
        yerr=found.top1_sd,
        fmt="none",
        ecolor=colour,
        elinewidth=0.8,
        alpha=1.0 if marker == "*" else 0.4,
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
