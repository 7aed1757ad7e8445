"""Several networks in one table, one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

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

REFERENCE_RECIPE = "supervised"
"""Recipe of the surrogate's estimates, as in `results/published/imagenet.csv`."""


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
    Sizes give way where there are both predicted and trained figures, as 80 columns hold no more.
    """
    listed = {name: list(summaries) for name, summaries in groups.items()}
    everything = [summary for own in listed.values() for summary in own]
    shown = [
        column
        for column in columns or ALL_COLUMNS
        if any(column[1](summary) is not None for summary in everything)
    ]
    if PREDICTED in shown and TRAINED in shown:
        shown = [column for column in shown if column not in SIZES]
    rows: list[TableRow] = []
    for name, summaries in listed.items():
        rows += [[f"{name}:", *[""] * len(shown)]] if name and summaries else []
        rows += [[s.label, *(figure(s) for _, figure in shown)] for s in summaries]
    headers = [NameHeader("network"), *numbers(*(header for header, _ in shown))]
    print_table(headers, rows, title=title)
    if any(s.published and _other_recipe(s) for s in everything):
        print_line()
        print_line("* trained by another recipe than the estimates are for")


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
    print_facts_below((s.label, f"published: {s.published[0]}") for s in shown)


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


def _other_recipe(summary: NetworkSummary) -> bool:
    """Whether the published figure is for another recipe than the surrogate's."""
    return summary.published[0].recipe != REFERENCE_RECIPE


def _predicted(summary: NetworkSummary) -> str | None:
    p = summary.prediction
    return interval(p.ms, p.low_ms, p.high_ms) if p else None


def _estimated(summary: NetworkSummary) -> str | None:
    return plus_minus(summary.guess.top1, summary.guess.sd) if summary.guess else None


def _trained(summary: NetworkSummary) -> str | None:
    own = summary.trained
    return interval(own.top1, own.low, own.high) if own else None


def _published(summary: NetworkSummary) -> str | None:
    if not summary.published:
        return None
    return f"{summary.published[0].top1:.1f}{'*' if _other_recipe(summary) else ' '}"


PREDICTED: FigureColumn = ("predicted\nms", _predicted)
TRAINED: FigureColumn = ("trained\ntop-1 %", _trained)
ESTIMATED: FigureColumn = ("estimated\ntop-1 %", _estimated)
PUBLISHED: FigureColumn = ("published\ntop-1 %", _published)
SIZES: tuple[FigureColumn, ...] = (
    ("params\nM", lambda summary: millions(summary.arch.params)),
    ("MACs\nM", lambda summary: millions(summary.arch.macs)),
)
ALL_COLUMNS: tuple[FigureColumn, ...] = (
    PREDICTED,
    TRAINED,
    ESTIMATED,
    PUBLISHED,
    *SIZES,
)
