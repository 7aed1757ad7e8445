"""What `nas search` prints of a search without training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.files.resources import BEST
from nas.report.tables.text import interval, print_facts_below

if TYPE_CHECKING:
    from nas.optimize import Candidate, SearchResult
    from nas.report.tables.network import NetworkSummary

NEIGHBOURS = 5
"""Networks of the front that the table shows beside the best."""


def as_json(result: SearchResult, folder: Path) -> dict[str, Any]:
    """The JSON document of a search."""
    front, seeds = (
        [summary.as_json() | {"probability": result.probability(c)} for c, summary in found]
        for found in map(zip, (result.pareto, result.known), _summaries(result))
    )
    return {
        "best": front[-1] | {"path": str(folder / BEST)},
        "seeds": seeds,
        "pareto": front,
        "budget_ms": result.budget_ms,
        "others": [
            {"device": device.name, "ms": ms, "budget_ms": most}
            for device, ms, most in result.elsewhere(result.best.arch)
        ],
        "confidence": result.confidence,
        "held_ms": result.held_ms,
        "optimality_gap": result.optimality_gap,
        "priced": result.priced,
        "judged": result.evaluated,
        "seed": result.seed,
        "seconds": result.seconds,
    }


def _summaries(result: SearchResult) -> tuple[list[NetworkSummary], list[NetworkSummary]]:
    """Of the front, whose last is the best, and of the seeds."""
    from nas.report.tables.network import summarise

    def summaries(found: Sequence[Candidate]) -> list[NetworkSummary]:
        return [summarise(c.arch, result.device, result.surrogate) for c in found]

    return summaries(result.pareto), summaries(result.known)


def print_search(result: SearchResult, folder: Path) -> None:
    """Print the best, its neighbours on the front and the known networks, then facts."""
    from nas.report.tables.side_by_side import print_sources, print_together

    front, seeds = _summaries(result)
    groups = {
        f"best within {result.budget_ms:g} ms": front[-1:],
        "nearest faster ones of the front": front[-1 - NEIGHBOURS : -1][::-1],
        "known points of the space": seeds,
    }
    print_together(groups, title=f"{result.space.name} on {result.device.name}")
    print_facts_below(_facts(result, folder))
    print_sources(seeds)


def _facts(result: SearchResult, folder: Path) -> list[tuple[str, str]]:
    best = result.best
    return [
        *facts_of_latency(result, best),
        ("objective", f"estimate - {result.risk_aversion:g} sd; of many, the best looks too good"),
        ("optimality gap", f"{result.optimality_gap:.3g} points (best networks recombined)"),
        ("tried", f"{result.priced:,} priced, {result.evaluated:,} within the budget"),
        ("time", f"{result.seconds:.1f} s, seed {result.seed}"),
        ("written to", str(folder)),
    ]


def facts_of_latency(result: SearchResult, best: Candidate) -> list[tuple[str, str]]:
    """What is known of a network's milliseconds, for `print_facts`."""
    level = f"{result.device.info['interval']['level']:.0%}"
    return [
        (
            f"predicted {result.device.unit}",
            f"{interval(best.ms, best.ms_low, best.ms_high)} ({level} interval)",
        ),
        ("within the budget", f"probability {result.probability(best):.2f}{_held(result)}"),
        *(
            (f"on {device.name}", f"{interval(ms, *device.bounds(ms))} of {most:g} {device.unit}")
            for device, ms, most in result.elsewhere(best.arch)
        ),
    ]


def _held(result: SearchResult) -> str:
    """How the budget was kept."""
    least = " on the device that is least sure" if result.others else ""
    if result.confidence is None:
        return f"{least}; the estimate is held under it, see --confidence"
    return f"{least}; the estimate is held under {result.held_ms:.3f} ms for {result.confidence:g}"
