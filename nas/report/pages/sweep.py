"""The page of a sweep: all cells, accuracy over latency and budget, best networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nas.report.folders.search_inputs import found_device
from nas.report.folders.sweep import SweepCell, SweepFolder
from nas.report.pages import charts
from nas.report.pages.charts import PlotPoint
from nas.report.pages.page import FactsPart, LinkCell, Page, PageCell, PlotPart, Section, TablePart
from nas.report.pages.search import facts_of
from nas.report.pages.winner import network_parts
from nas.report.plots.search import undominated
from nas.report.tables.text import interval, numbers
from nas.study.sweep.files import STATES

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from nas.latency.device import Device

Draw = Callable[[Sequence[SweepCell], str, str], "Figure"]
"""Draws the cells of a device, given its name and latency unit."""
TRAINED = "trained top-1 [%], 95 % interval"
Devices = Mapping[str, "Device | None"]
"""Name -> device; None if it is missing."""
KEYS = ("space", "strategy")
"""Columns that group the points, if their values differ."""
VARIES = ("space", "strategy", "seed")


def sweep_page(sweep: SweepFolder) -> Page:
    """Make the page of a sweep."""
    counts = Counter(cell.words["state"] for cell in sweep.cells)
    states = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    done = [cell for cell in sweep.cells if cell.ms and cell.top1]
    devices = {name: found_device(name) for name in sweep.devices}
    plots = [_accuracy_section(done, devices), _budget_section(done, devices)] if done else []
    winners = (
        _winner_section(index, cell, devices[cell.device]) for index, cell in enumerate(sweep.cells)
    )
    return Page(
        f"{sweep.name}: a sweep of {len(sweep.cells)} searches",
        f"{_data(done)}. Milliseconds are predicted, none was measured.",
        [("searches", str(len(sweep.cells)), states), *_best(done)],
        [
            Section("cells", "All searches", [_cell_table(sweep.cells)]),
            *plots,
            *winners,
            Section(
                "asked", "What was asked, and how", [FactsPart.of({**sweep.made, **sweep.asked})]
            ),
        ],
    )


def _data(done: Sequence[SweepCell]) -> str:
    """The data sets used for training, as text."""
    names = (c.result.training["data"] for c in done if c.result and c.result.training)
    return f"Trained on {', '.join(dict.fromkeys(names))}" if done else "Nothing is trained"


def _best(done: Sequence[SweepCell]) -> Iterator[tuple[str, str, str]]:
    """The best trained accuracy on each device."""
    for device in dict.fromkeys(cell.device for cell in done):
        own = [(cell.top1, cell.budget_ms) for cell in done if cell.top1 and cell.device == device]
        top1, budget_ms = max(own)
        kind = f"trained, 95 % interval, within {budget_ms:g} ms"
        yield f"best top-1 on {device}", f"{interval(*top1)} %", kind


def _cell_table(cells: Sequence[SweepCell]) -> TablePart:
    heads = [
        "search",
        "space",
        "device",
        *numbers("budget\nms", "predicted\nms", "trained\ntop-1 %"),
        "strategy",
        *numbers("seed"),
        "state",
        *numbers("trials", "failed"),
        "error",
    ]
    rows: list[list[PageCell]] = [
        [
            LinkCell(cell.name, _anchor(index)) if cell.result else cell.name,
            *(cell.words[name] for name in ("space", "device")),
            f"{cell.budget_ms:g}",
            interval(*cell.ms) if cell.ms else None,
            interval(*cell.top1) if cell.top1 else None,
            *(cell.words[name] or None for name in ("strategy", "seed", "state")),
            *(cell.words[name] or None for name in ("trials", "failed")),
            cell.error or None,
        ]
        for index, cell in enumerate(cells)
    ]
    return TablePart("Every search, with what its winner reached.", heads, rows)


def _anchor(index: int) -> str:
    return f"search-{index + 1}"


def _accuracy_section(done: Sequence[SweepCell], devices: Devices) -> Section:
    caption = f"{_data(done)}: accuracy of every winner over its predicted milliseconds."
    note = "The line joins winners that no other one beats in both; bars are the intervals."

    def figure(own: Sequence[SweepCell], device: str, unit: str) -> Figure:
        groups = _groups(own, [cell.ms for cell in own if cell.ms])
        x_title = f"predicted on {device} [{unit}], 90 % interval"
        drawn = charts.scatter(groups, x_title, TRAINED)
        spots = [spot for group in groups.values() for spot in group]
        charts.join(drawn, undominated(spots, lambda spot: (spot.x, spot.y)), "front")
        return drawn

    plot = _plot("latency", caption, note, figure, done, devices)
    return Section("accuracy", "Accuracy and latency", [plot])


def _budget_section(done: Sequence[SweepCell], devices: Devices) -> Section:
    caption = f"{_data(done)}: accuracy of every winner over the budget of its search."

    def figure(own: Sequence[SweepCell], device: str, unit: str) -> Figure:
        groups = _groups(own, [(cell.budget_ms,) * 3 for cell in own])
        return charts.scatter(groups, f"budget on {device} [{unit}]", TRAINED)

    plot = _plot("budget", caption, "", figure, done, devices)
    return Section("budgets", "Budget and accuracy", [plot])


def _plot(
    name: str, caption: str, note: str, figure: Draw, done: Sequence[SweepCell], devices: Devices
) -> PlotPart:
    figures = {
        name: figure(own, name, device.unit if device else "ms")
        for name, device in devices.items()
        if (own := [cell for cell in done if cell.device == name])
    }
    heads = ["search", "device", "space"]
    heads += numbers("budget\nms", "predicted\nms", "trained\ntop-1 %")
    rows = [
        [
            *(cell.name, cell.device, cell.words["space"], f"{cell.budget_ms:g}"),
            interval(*cell.ms) if cell.ms else None,
            interval(*cell.top1) if cell.top1 else None,
        ]
        for cell in done
    ]
    table = TablePart(f"Winners by {name}.", heads, rows, groups=[c.device for c in done])
    return PlotPart(name, caption, "Device", figures, table, note, intervals=True)


def _groups(
    cells: Sequence[SweepCell], places: Sequence[tuple[float, ...]]
) -> dict[str, list[PlotPoint]]:
    """Points grouped by the settings that differ between cells."""
    keys = [key for key in KEYS if len({cell.words[key] for cell in cells}) > 1]
    groups: dict[str, list[PlotPoint]] = {}
    for cell, (x, x_low, x_high) in zip(cells, places, strict=True):
        assert cell.top1 is not None
        label = ", ".join(cell.words[key] for key in keys) or "winner of a search"
        spot = PlotPoint(cell.name, x, x_low, x_high, *cell.top1, f"within {cell.budget_ms:g} ms")
        groups.setdefault(label, []).append(spot)
    return groups


def _winner_section(index: int, cell: SweepCell, device: Device | None) -> Section:
    told = ", ".join(f"{name} {cell.words[name]}" for name in VARIES if cell.words[name])
    title = f"{cell.name}: within {cell.budget_ms:g} ms on {cell.device}"
    if cell.result is None:
        facts = [("state", cell.words["state"]), ("asked", told), ("error", cell.error or "none")]
        return Section(_anchor(index), title, [FactsPart(facts)], folded=True)
    result = cell.result
    facts = [("asked", told), *facts_of(result)]
    parts = [*network_parts(result.best, result.yaml, device), FactsPart(facts)]
    return Section(_anchor(index), title, parts, folded=True)
