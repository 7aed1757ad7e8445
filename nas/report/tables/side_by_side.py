"""Several networks in one table, one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from nas.library import DISTILLED, SUPERVISED, Published, first_published
from nas.report.tables.network import NetworkSummary
from nas.report.tables.text import (
    NameHeader,
    TableRow,
    interval,
    millions,
    numbers,
    plus_minus,
    print_facts_below,
    print_line,
    print_table,
)
from nas.space.arch import Arch

if TYPE_CHECKING:
    from nas.accuracy import AccuracyEstimate

KINDS = (SUPERVISED, DISTILLED)
ESTIMATED_RECIPES = (SUPERVISED, DISTILLED, "distilled-300")
"""Recipes of the surrogate's estimates, as in `results/published/imagenet.csv`."""
MANY_MACS = 1e9
MOST_NAMES = 4
"""Maximum number of unused parameters that are named."""

FigureColumn = tuple[str, Callable[[NetworkSummary], str | None]]
"""Header of a column of figures, and the figure of a network, if it has one."""


def print_together(
    groups: Mapping[str, Iterable[NetworkSummary]],
    *,
    title: str = "",
    columns: Sequence[FigureColumn] = (),
) -> None:
    """Print one table, with each group's name (if not empty) above its networks.

    A column of `columns`, by default of all figures, is left out if no network has its figure.
    Beside predicted figures, 80 columns hold no published ones, which go into a table of their own
    below, and no sizes where there are trained ones too.
    """
    listed = {name: list(summaries) for name, summaries in groups.items()}
    everything = [summary for own in listed.values() for summary in own]
    shown = [
        column
        for column in columns or ALL_COLUMNS
        if any(column[1](summary) is not None for summary in everything)
    ]
    others = [column for column in shown if column not in (*ESTIMATED, *PUBLISHED, *SIZES)]
    below = [column for column in shown if column in PUBLISHED and others]
    aside = (*below, *(SIZES if TRAINED in others and len(others) > 1 else ()))
    _print_columns(listed, [column for column in shown if column not in aside], title)
    if below:
        print_line()
        _print_columns({"": [s for s in everything if s.published]}, below, "")
    if any(_other_recipe(first_published(s.published, kind)) for s in everything for kind in KINDS):
        print_line()
        print_line("* trained by another recipe than the estimates are for")


def _print_columns(
    groups: Mapping[str, Sequence[NetworkSummary]], columns: Sequence[FigureColumn], title: str
) -> None:
    rows: list[TableRow] = []
    for name, summaries in groups.items():
        rows += [[f"{name}:", *[""] * len(columns)]] if name and summaries else []
        rows += [[s.label, *(figure(s) for _, figure in columns)] for s in summaries]
    headers = [NameHeader("network"), *numbers(*(header for header, _ in columns))]
    print_table(headers, rows, title=title)


def with_short_names(summaries: Sequence[NetworkSummary]) -> list[NetworkSummary]:
    """Call tables of YAML by their network's name where no other network has it."""
    names = Counter(summary.arch.name for summary in summaries)
    return [
        replace(s, called="") if names[s.arch.name] == 1 and s.called.endswith(".yaml") else s
        for s in summaries
    ]


def print_trained(summaries: Sequence[NetworkSummary]) -> None:
    """Print what the trained figures are of."""
    print_facts_below((s.label, f"trained: {s.trained.of}") for s in summaries if s.trained)


def print_doubts(summaries: Sequence[NetworkSummary]) -> None:
    """Print the doubtful counts of traced networks."""
    print_facts_below(
        (f"{s.label}: {what}", text) for s in summaries for what, text in count_doubts(s)
    )


def print_sources(summaries: Sequence[NetworkSummary]) -> None:
    """Print the sources of traced networks and of published figures."""
    traced = (s for s in summaries if not isinstance(s.arch, Arch))
    print_facts_below((s.label, s.arch.source) for s in traced)
    shown = [s for s in summaries if s.published]
    print_facts_below((s.label, f"published: {figure}") for s in shown for figure in _firsts(s))


def count_doubts(summary: NetworkSummary) -> Iterator[tuple[str, str]]:
    """Differences between the counts of a trace, the module and PyTorch."""
    if (check := summary.check) is None:
        return
    for text in check.differences:
        yield "count in doubt", text
    for text in check.by_rule:
        yield "differs from PyTorch", text
    if names := check.unread:
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        yield "unused parameters", ", ".join(names[:MOST_NAMES]) + more


def estimated_facts(
    supervised: AccuracyEstimate, distilled: AccuracyEstimate | None
) -> list[tuple[str, str]]:
    """Estimates of one network, a line for each way of training."""
    found = zip(KINDS, (supervised, distilled), strict=True)
    return [(f"top-1, {kind}", f"{_estimated(own)} %, estimated") for kind, own in found if own]


def recorded_estimates(
    found: Mapping[str, float],
) -> tuple[AccuracyEstimate, AccuracyEstimate | None]:
    """Estimates of an `adapt.yaml`: for supervised training, and with a teacher if it has one."""
    from nas.accuracy import AccuracyEstimate

    supervised = AccuracyEstimate(found["top1"], found["sd"])
    if "distilled_top1" not in found:
        return supervised, None
    return supervised, AccuracyEstimate(found["distilled_top1"], found["distilled_sd"])


def _firsts(summary: NetworkSummary) -> list[Published]:
    """The figures that the columns show."""
    found = (first_published(summary.published, kind) for kind in KINDS)
    return [figure for figure in found if figure]


def _other_recipe(figure: Published | None) -> bool:
    """Whether a published figure is for another recipe than the estimate of its column."""
    return figure is not None and figure.recipe not in ESTIMATED_RECIPES


def _predicted(summary: NetworkSummary) -> str | None:
    p = summary.prediction
    return interval(p.ms, p.low_ms, p.high_ms) if p else None


def _estimated(found: AccuracyEstimate | None) -> str | None:
    return plus_minus(found.top1, found.sd) if found else None


def _macs(count: int) -> str:
    """Millions, from a thousand of them without decimals."""
    return millions(count) if count < MANY_MACS else f"{count / 1e6:,.0f}"


def _trained(summary: NetworkSummary) -> str | None:
    own = summary.trained
    return interval(own.top1, own.low, own.high) if own else None


def _published(kind: str, summary: NetworkSummary) -> str | None:
    if (figure := first_published(summary.published, kind)) is None:
        return None
    return f"{figure.top1:.1f}{'*' if _other_recipe(figure) else ' '}"


PREDICTED: FigureColumn = ("predicted\nms", _predicted)
TRAINED: FigureColumn = ("trained\ntop-1 %", _trained)
ESTIMATED: tuple[FigureColumn, ...] = (
    ("estimated\nsupervised\ntop-1 %", lambda summary: _estimated(summary.guess)),
    ("estimated\ndistilled\ntop-1 %", lambda summary: _estimated(summary.distilled)),
)
PUBLISHED: tuple[FigureColumn, ...] = tuple(
    (f"published\n{kind}\ntop-1 %", partial(_published, kind)) for kind in KINDS
)
SIZES: tuple[FigureColumn, ...] = (
    ("params\nM", lambda summary: millions(summary.arch.params)),
    ("MACs\nM", lambda summary: _macs(summary.arch.macs)),
)
ALL_COLUMNS: tuple[FigureColumn, ...] = (
    PREDICTED,
    TRAINED,
    *ESTIMATED,
    *PUBLISHED,
    *SIZES,
)
