"""The table of a search: its best networks and the known ones, on every device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nas.optimize import SearchResult
from nas.report.tables.network import NetworkSummary
from nas.report.tables.side_by_side import (
    ESTIMATED,
    PUBLISHED,
    SIZES,
    FigureColumn,
    print_together,
)
from nas.report.tables.text import interval, plain, print_line
from nas.space.arch import Arch

NEIGHBOURS = 5
"""Networks of the front that the table shows beside the best."""
WITH_INTERVALS = 2
"""Most devices whose intervals fit in a table of 80 columns."""


def print_networks(
    result: SearchResult, front: Sequence[NetworkSummary], known: Sequence[NetworkSummary]
) -> None:
    """Print the best and its neighbours on the front; below, the known networks."""
    found = {
        f"best within {_budgets(result)}": front[-1:],
        "faster ones found": front[-1 - NEIGHBOURS : -1][::-1],
    }
    title = f"{result.space.name} on {' and '.join(device.name for device in result.devices)}"
    columns = _columns(result)
    print_together(found, title=title, columns=columns)
    if known:
        print_line()
        print_together(_known_groups(result, known), columns=columns)
    if any(latency.over for c in result.known for latency in result.latencies(c.arch)):
        print_line("! over the budget")


def _known_groups(
    result: SearchResult, known: Sequence[NetworkSummary]
) -> dict[str, list[NetworkSummary]]:
    """Known networks by whether the search could choose them."""
    within = {candidate.arch.arch_id for candidate in result.known_within}
    names = ["known networks", "known, over a limit", "known, avoided"]
    groups: dict[str, list[NetworkSummary]] = {name: [] for name in names}
    for candidate, summary in zip(result.known, known, strict=True):
        has_avoided = bool(result.avoided.found_in(candidate.arch))
        over = candidate.arch.arch_id not in within
        groups[names[2 if has_avoided else int(over)]].append(summary)
    return groups


def _budgets(result: SearchResult) -> str:
    return " and ".join(f"{ms:g} ms" for ms in result.limits.ms)


def _columns(result: SearchResult) -> list[FigureColumn]:
    """Figures in the table: milliseconds on each device, and what else fits beside them."""
    several = len(result.devices) > 1
    columns: list[FigureColumn] = []
    for number, device in enumerate(result.devices):
        header = f"{device.name}\n{device.unit}" if several else f"predicted\n{device.unit}"
        columns.append((header, partial(_ms_cell, result, number)))
    if several:  # two devices leave room for one estimate
        return [*columns, ESTIMATED[0]]
    return [*columns, *ESTIMATED, *PUBLISHED, *SIZES]


def _ms_cell(result: SearchResult, number: int, summary: NetworkSummary) -> str:
    """Milliseconds on a device, with a mark where they exceed the budget."""
    assert isinstance(summary.arch, Arch), "a search finds tables"
    own = result.latencies(summary.arch)[number]
    narrow = len(result.devices) > WITH_INTERVALS
    shown = plain(own.ms) if narrow else interval(own.ms, own.ms_low, own.ms_high)
    return f"{shown}{'!' if own.over else ' '}"
