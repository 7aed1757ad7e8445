"""The front of a search and the known networks: a plot for each device, and a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nas import library
from nas.optimize import Candidate
from nas.optimize.run import assess
from nas.report.folders.search import SearchFolder
from nas.report.folders.search_inputs import SearchInputs
from nas.report.pages import charts
from nas.report.pages.charts import PlotPoint
from nas.report.pages.page import PlotPart, Section, TablePart
from nas.report.plots.search import unbeaten
from nas.report.tables.text import interval, millions, numbers, plus_minus
from nas.space.arch import Arch

if TYPE_CHECKING:
    from nas.latency.device import Device

UNIT = "ms"
"""Latency unit of a device that is missing."""


@dataclass(frozen=True, slots=True)
class DeviceView:
    """The networks of a search on one of its devices."""

    device: str
    unit: str
    budget_ms: float
    best: Candidate | None
    """The best network; None if it is not on the front and the device is missing."""
    front: tuple[Candidate, ...]
    seeds: tuple[Candidate, ...]


def device_views(result: SearchFolder, found: SearchInputs) -> list[DeviceView]:
    """One view for each device; latency is predicted again for all but the search's own.

    Known networks are shown on every device, or on none if the search's device is missing.
    """
    own = result.study["device"]["name"]
    seeded = found.device(own) is not None
    on_front = next((c for c in result.front if c.arch == result.best), None)
    shown: list[DeviceView] = []
    for name, budget_ms in result.budgets.items():
        device = found.device(name)
        seeds = tuple(found.assessed(device)) if device and seeded else ()
        if name == own:
            best, front = on_front or _assessed(result.best, found, device), result.front
        elif device:
            first = shown[0].best if shown else None
            best = _moved(first, device) if first else None
            front = tuple(_moved(c, device) for c in result.front)
        else:
            continue
        shown.append(
            DeviceView(name, device.unit if device else UNIT, budget_ms, best, front, seeds)
        )
    return shown


def _assessed(arch: Arch, found: SearchInputs, device: Device | None) -> Candidate | None:
    return assess(arch, device, found.surrogate) if device and found.surrogate else None


def _moved(found: Candidate, device: Device) -> Candidate:
    p = device.predict(found.arch)
    return replace(found, ms=p.ms, ms_low=p.low_ms, ms_high=p.high_ms)


def front_section(result: SearchFolder, shown: Sequence[DeviceView]) -> Section:
    """The plot and table of estimated accuracy over predicted latency."""
    numbered = _numbered(shown)
    figures = {
        view.device: charts.front_figure(
            [_spot(c) for c in view.front],
            _spot(view.best) if view.best else None,
            [_spot(c, numbered.get(c.arch.name, "")) for c in view.seeds],
            view.budget_ms,
            f"predicted on {view.device} [{view.unit}], 90 % interval",
        )
        for view in shown
    }
    space = result.study["space"]["name"]
    caption = (
        f"Estimated accuracy over predicted milliseconds: the front of {space} and its known"
        " networks."
    )
    note = "The line is the front. Point at a network to see its name."
    if numbered:
        names = ", ".join(f"{number} {name}" for name, number in numbered.items())
        note += f" Known networks that no other known one beats: {names}. The table has all."
    plot = PlotPart(
        "front", caption, "Device", figures, _table(result, shown), note, intervals=True
    )
    return Section("accuracy", "Accuracy and latency", [plot])


def _numbered(shown: Sequence[DeviceView]) -> dict[str, str]:
    """Known networks that no other beats on the search's own device, numbered, fastest first.

    On a phone there is no room for names beside the points, and nothing to point with.
    """
    seeds = unbeaten(shown[0].seeds) if shown else []
    return {seed.arch.name: str(number) for number, seed in enumerate(seeds, 1)}


def _spot(found: Candidate, label: str = "") -> PlotPoint:
    sd = found.top1_sd
    ends = found.ms, found.ms_low, found.ms_high, found.top1, found.top1 - sd, found.top1 + sd
    sizes = f"{millions(found.arch.params)} M params, {millions(found.arch.macs)} M MACs"
    return PlotPoint(found.arch.name, *ends, sizes, label)


def _table(result: SearchFolder, shown: Sequence[DeviceView]) -> TablePart:
    columns = [
        "network",
        "kind",
        *numbers(*(f"predicted ms\n{view.device}" for view in shown)),
        *numbers("estimated\nsupervised\ntop-1 %", "estimated\ndistilled\ntop-1 %"),
        *numbers("published\nsupervised\ntop-1 %", "published\ndistilled\ntop-1 %"),
        *numbers("within the budget,\nprobability", "params\nM", "MACs\nM"),
    ]
    listed = [[*_kinds(view)] for view in shown]
    rows = []
    for same in zip(*listed, strict=True):  # the same network on every device
        kind, first = same[0]
        rows.append(
            [
                *(first.arch.name, kind),
                *(interval(c.ms, c.ms_low, c.ms_high) for _, c in same),
                plus_minus(first.top1, first.top1_sd),
                plus_minus(own.top1, own.sd) if (own := first.distilled) else None,
                _published(first.arch, library.SUPERVISED),
                _published(first.arch, library.DISTILLED),
                _within(result, first.arch) if kind != "known" else None,
                *(millions(first.arch.params), millions(first.arch.macs)),
            ]
        )
    return TablePart("The best, the front and the known networks.", columns, rows)


def _kinds(view: DeviceView) -> Iterator[tuple[str, Candidate]]:
    """Kind and network, in the same order on every device: known networks by name."""
    best = view.best
    if best:
        yield "best", best
    yield from (("found", c) for c in view.front if not best or c.arch != best.arch)
    yield from (("known", c) for c in sorted(view.seeds, key=lambda c: c.arch.name))


def _within(result: SearchFolder, arch: Arch) -> str | None:
    probability = result.within.get(arch.arch_id)
    return None if probability is None else f"{probability:.2f}"


def _published(arch: Arch, column: str) -> str | None:
    figure = library.first_published(library.published(arch), column)
    return f"{figure.top1:.1f} ({figure.recipe})" if figure else None
