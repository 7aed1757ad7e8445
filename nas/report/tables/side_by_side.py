"""Several networks in one table, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from nas.report.tables.network import NetworkSummary
from nas.report.tables.text import (
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


def print_together(groups: Mapping[str, Iterable[NetworkSummary]], *, title: str = "") -> None:
    """Print one table, with each group's name (if not empty) above its networks."""
    columns = [
        "network",
        *numbers("predicted\nms", "estimated\ntop-1 %", "published\ntop-1 %"),
        *numbers("params\nM", "MACs\nM"),
    ]
    rows: list[list[str | None]] = []
    for name, summaries in groups.items():
        rows += [[f"{name}:", *[""] * 5]] if name else []
        rows += [_cells(summary) for summary in summaries]
    print_table(columns, rows, title=title)


def print_sources(summaries: Sequence[NetworkSummary]) -> None:
    """Print the sources of traced networks and of published figures."""
    traced = (s.arch for s in summaries if not isinstance(s.arch, Arch))
    print_facts_below((arch.name, arch.source) for arch in traced)
    print_facts_below(
        (f"{s.arch.name}: {what}", text) for s in summaries for what, text in count_doubts(s)
    )
    shown = [s for s in summaries if s.published]
    print_facts_below((s.arch.name, f"published: {s.published[0]}") for s in shown)
    if any(_other_recipe(s) for s in shown):
        print_line()
        print_line("* trained by another recipe than the estimates are for")


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


def _cells(summary: NetworkSummary) -> list[str | None]:
    p, guess, published = summary.prediction, summary.guess, summary.published
    return [
        summary.arch.name,
        interval(p.ms, p.low_ms, p.high_ms) if p else None,
        plus_minus(guess.top1, guess.sd) if guess else None,
        f"{published[0].top1:.1f}{'*' if _other_recipe(summary) else ' '}" if published else None,
        millions(summary.arch.params),
        millions(summary.arch.macs),
    ]
