"""What `nas search` prints of a search without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.files.resources import BEST, named
from nas.report.tables.text import interval, print_facts_below

if TYPE_CHECKING:
    from nas.optimize import Candidate, SearchResult
    from nas.optimize.result import DeviceLatency
    from nas.report.tables.network import NetworkSummary


def as_json(result: SearchResult, folder: Path) -> dict[str, Any]:
    """The JSON document of a search."""
    front, known = (
        [_network_json(result, c, summary) for c, summary in zip(*found, strict=True)]
        for found in zip((result.pareto, result.known), _summaries(result), strict=True)
    )
    return {
        "best": front[-1] | {"path": str(folder / BEST)},
        "seeds": known,
        "pareto": front,
        "budget_ms": result.budget_ms,
        "others": [
            {"device": own.device.name, "ms": own.ms, "budget_ms": own.budget_ms}
            for own in result.latencies(result.best.arch)[1:]
        ],
        "avoided": list(result.left_out),
        "confidence": result.confidence,
        "held_ms": result.held_ms,
        "optimality_gap": result.optimality_gap,
        "priced": result.priced,
        "judged": result.evaluated,
        "seed": result.seed,
        "seconds": result.seconds,
    }


def _network_json(
    result: SearchResult, found: Candidate, summary: NetworkSummary
) -> dict[str, Any]:
    return summary.as_json() | correction_json(found) | latency_json(result, found)


def correction_json(found: Candidate) -> dict[str, Any]:
    """The interval of a corrected estimate, what it was before, and the best of its size."""
    from nas.library import best_of_size

    if (own := found.corrected) is None:
        return {}
    return {
        "top1_low": own.low,
        "top1_high": own.high,
        "uncorrected_top1": own.uncorrected.top1,
        "uncorrected_top1_sd": own.uncorrected.sd,
        "selected_from": own.candidates,
        "best_published_of_size": (record := best_of_size(found.arch)) and asdict(record),
    }


def latency_json(result: SearchResult, found: Candidate) -> dict[str, Any]:
    """Probability of meeting every budget, and the latency on each device."""
    latencies = [
        {
            "device": own.device.name,
            "ms": own.ms,
            "ms_low": own.ms_low,
            "ms_high": own.ms_high,
            "budget_ms": own.budget_ms,
            "probability": own.probability,
        }
        for own in result.latencies(found.arch)
    ]
    return {"probability": result.probability(found), "devices": latencies}


def _summaries(result: SearchResult) -> tuple[list[NetworkSummary], list[NetworkSummary]]:
    """Of the front, whose last is the best, and of the known networks."""
    from nas.report.tables.network import summarise

    def summaries(found: Sequence[Candidate]) -> list[NetworkSummary]:
        return [
            replace(summarise(c.arch, result.device), guess=c.supervised, distilled=c.distilled)
            for c in found
        ]

    return summaries(result.pareto), summaries(result.known)


def print_search(result: SearchResult, folder: Path, *, sources: bool) -> None:
    """Print the best, its neighbours on the front and the known networks, then facts."""
    from nas.report.tables.search import print_networks
    from nas.report.tables.side_by_side import print_sources

    front, known = _summaries(result)
    print_networks(result, front, known)
    if sources:
        print_sources(known)
    print_facts_below(_facts(result, folder))


def _facts(result: SearchResult, folder: Path) -> list[tuple[str, str]]:
    best = result.best
    return [
        ("searched", f"{result.priced:,} networks priced, {result.evaluated:,} within the limits"),
        ("time", f"{result.seconds:.1f} s, seed {result.seed}"),
        (
            "ranked by",
            f"estimate - {result.risk_aversion:g} sd, as the highest estimate tends to be too high",
        ),
        ("still possible", _possible(result.optimality_gap)),
        *facts_left_out(result),
        ("best", best_name(best)),
        *_estimates(best),
        *facts_of_latency(result, best),
        ("written to", str(folder)),
    ]


def _estimates(best: Candidate) -> list[tuple[str, str]]:
    """Estimates of the best network; a corrected one with the best published of its size."""
    from nas.report.tables.side_by_side import estimated_facts

    (supervised, _), *others = estimated_facts(best.supervised, best.distilled)
    return [(supervised, best.supervised_text), *others]


def _possible(gap: float) -> str:
    """What the last exact recombination leaves open."""
    if not gap:
        return "nothing better by recombining the best found"
    return f"up to {gap:.2g} points more by recombining the best found"


def best_name(best: Candidate) -> str:
    """The name of the best network, and whether it was known."""
    known = best.arch.name in named("architecture")
    return f"{best.arch.name}, a known network" if known else best.arch.name


def facts_left_out(result: SearchResult) -> list[tuple[str, str]]:
    """What the search avoided in the space, for `print_facts`."""
    if not result.left_out:
        return []
    by_rule = [name for name in result.left_out if name not in result.avoided.names]
    text = ", ".join(result.left_out)
    if by_rule:
        text += ": may leave the accelerator; --avoid none allows them"
    return [("avoided", text)]


def facts_of_latency(result: SearchResult, best: Candidate) -> list[tuple[str, str]]:
    """What is known of a network's milliseconds, for `print_facts`."""
    latencies = result.latencies(best.arch)
    several = len(latencies) > 1
    facts: list[tuple[str, str]] = []
    for own in latencies:
        level = f"{own.device.info['interval']['level']:.0%} interval"
        shown = f"{interval(own.ms, own.ms_low, own.ms_high)}"
        on = f" of {own.budget_ms:g} {own.device.unit} on {own.device.name}" if several else ""
        facts.append((f"predicted {own.device.unit}", f"{shown}{on} ({level})"))
        facts += [("caution", flag) for flag in own.flags]
    within = f"probability {result.probability(best):.2f}"
    if several:
        each = " x ".join(f"{own.probability:.2f}" for own in latencies)
        within += f" on all devices: {each}, as if their errors were independent"
    return [*facts, ("within the budget", within + _held(result, latencies))]


def _held(result: SearchResult, latencies: Sequence[DeviceLatency]) -> str:
    """How the budget was kept."""
    if result.confidence is None:
        return "; --confidence asks for more"
    held = " and ".join(f"{own.held_ms:.3f}" for own in latencies)
    each = " on each device" if len(latencies) > 1 else ""
    return f"; the estimate is held under {held} ms for {result.confidence:g}{each}"
