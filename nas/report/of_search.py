"""The page of a search: what it found, why, how fast its rows are, and how it was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nas import library
from nas.arch import Arch
from nas.report import charts
from nas.report.charts import Spot
from nas.report.folder import Result
from nas.report.known import Known, known
from nas.report.page import Facts, Page, Plot, Section, Table
from nas.report.table import Column, interval, millions, numbers, plus_minus
from nas.report.trained import training_sections
from nas.report.winner import count, latency_section, network_parts, winner_figures
from nas.search import Candidate

if TYPE_CHECKING:
    from nas.latency.device import Device

UNIT = "ms"


def search_page(result: Result) -> Page:
    """Everything that a search's folder says, and what the library adds to it."""
    found = known(result)
    names = [str(entry["name"]) for entry in _entries(result)]
    budgets = " and ".join(f"{_budget(result, name):g} ms on {name}" for name in names)
    parts = network_parts(result.best, result.yaml, found.device(names[0]))
    sections = [
        _front_section(result, found),
        Section("network", f"The network {result.best.name}", parts),
        *latency_section(result.best, found.devices),
        *training_sections(result),
        Section("made", "How it was made", [Facts(facts_of(result))]),
    ]
    return Page(
        f"{result.name}: the best network within {budgets}",
        f"Found by nas search in the space {result.study['space']['name']},"
        f" {result.study['date']}. {_nature(result)}",
        [*winner_figures(result, found.devices)],
        sections,
        found.cautions,
    )


def _nature(result: Result) -> str:
    told = "Milliseconds are predicted, none was measured; ImageNet accuracies are estimated"
    if (training := result.training) is None:
        return f"{told}; nothing was trained."
    return f"{told}; candidates were trained on {training['data']}."


# the front --------------------------------------------------------------------------------------


def _front_section(result: Result, found: Known) -> Section:
    names = [str(entry["name"]) for entry in _entries(result)]
    shown = {name: _on_device(result, found, name) for name in names}
    drawn = {name: spots for name, spots in shown.items() if spots[0]}
    figures = {
        name: charts.front_figure(
            [_spot(c) for c in front],
            _spot(_best(front, result)),
            [_spot(c) for c in seeds],
            _budget(result, name),
            name,
            _unit(found, name),
        )
        for name, (front, seeds) in drawn.items()
    }
    caption = (
        "Estimated accuracy over predicted milliseconds: the front of"
        f" {result.study['space']['name']} and its known networks."
    )
    note = "The line is the front, each point the best that was found at its latency."
    plot = Plot("front", caption, "Device", figures, _front_table(result, drawn), note, True)
    return Section("accuracy", "Accuracy and latency", [plot])


def _entries(result: Result) -> list[dict[str, object]]:
    return [result.study["device"], *result.study.get("others", [])]


def _budget(result: Result, name: str) -> float:
    """On a device; the search's first has the one that is named first."""
    others = {entry["name"]: float(entry["budget_ms"]) for entry in result.study.get("others", [])}
    return others.get(name, result.budget_ms)


def _unit(found: Known, name: str) -> str:
    device = found.device(name)
    return device.unit if device else UNIT


def _on_device(result: Result, found: Known, name: str) -> tuple[list[Candidate], list[Candidate]]:
    """The front as it was found, or predicted anew on a further device; and known networks."""
    device = found.device(name)
    seeds = found.assessed(device) if device else []
    if name == result.study["device"]["name"]:
        return list(result.front), seeds
    return [_moved(c, device) for c in result.front] if device else [], seeds


def _moved(found: Candidate, device: Device) -> Candidate:
    p = device.predict(found.arch)
    return Candidate(found.arch, p.ms, p.low_ms, p.high_ms, found.top1, found.top1_sd)


def _best(front: Sequence[Candidate], result: Result) -> Candidate:
    """The winner where it is on the front, which without training it is; else the front's best."""
    return next((c for c in front if c.arch == result.best), front[-1])


def _spot(found: Candidate) -> Spot:
    sd = found.top1_sd
    ends = found.ms, found.ms_low, found.ms_high, found.top1, found.top1 - sd, found.top1 + sd
    sizes = f"{millions(found.arch.params)} M params, {millions(found.arch.macs)} M MACs"
    return Spot(found.arch.name, *ends, sizes)


def _front_table(
    result: Result, drawn: dict[str, tuple[list[Candidate], list[Candidate]]]
) -> Table:
    columns = [
        Column("network"),
        Column("kind"),
        *numbers(*(f"predicted ms\n{name}" for name in drawn), "estimated\ntop-1 %"),
        *numbers("published\ntop-1 %", "within the budget,\nprobability", "params\nM", "MACs\nM"),
    ]
    rows = []
    first = next(iter(drawn.values()), ([], []))
    for kind, side in (("found", 0), ("known", 1)):
        by_device = [{c.arch.arch_id: c for c in both[side]} for both in drawn.values()]
        for c in first[side]:
            own = [found[c.arch.arch_id] for found in by_device]
            ms = [interval(found.ms, found.ms_low, found.ms_high) for found in own]
            within = result.within.get(c.arch.arch_id) if kind == "found" else None
            rows.append(
                [
                    _name(c.arch, result),
                    kind,
                    *ms,
                    plus_minus(c.top1, c.top1_sd),
                    _published(c.arch),
                ]
                + [None if within is None else f"{within:.2f}"]
                + [millions(c.arch.params), millions(c.arch.macs)]
            )
    return Table("Networks of the front, fastest first, and the known ones.", columns, rows)


def _name(arch: Arch, result: Result) -> str:
    return f"{arch.name} (best)" if arch == result.best else arch.name


def _published(arch: Arch) -> str | None:
    figures = library.published(arch)
    return f"{figures[0].top1:.1f} ({figures[0].recipe})" if figures else None


# how it was made --------------------------------------------------------------------------------


def facts_of(result: Result) -> list[tuple[str, str]]:
    """Command, versions and what the search was asked."""
    study = result.study
    versions = ", ".join(f"{name} {number}" for name, number in study["versions"].items())
    pairs = [
        ("command", str(study["command"])),
        ("date", str(study["date"])),
        ("versions", versions),
    ]
    pairs += [("seed", str(study["seed"])), ("budget", f"{result.budget_ms:g} ms predicted")]
    if study.get("confidence") is not None:
        pairs.append(("kept with probability", f"{study['confidence']:g}"))
    for what in ("space", "device", "surrogate"):
        pairs.append((what, f"{study[what]['name']}, hash {study[what]['hash']}"))
    for entry in study.get("others", []):
        budget = f"within {entry['budget_ms']:g} ms"
        pairs.append(("device too", f"{entry['name']}, {budget}, hash {entry['hash']}"))
    limits = study.get("limits") or {}
    pairs += [(f"at most, {name}", f"{most:,.0f}") for name, most in limits.items()]
    if "caution" in study:
        pairs.append(("objective", f"estimate - {study['caution']:g} sd"))
    if "optimality_gap" in study:
        gap = f"{study['optimality_gap']:.3g} points, of the last exact recombination"
        pairs.append(("optimality gap", gap))
    if {"priced", "judged", "seconds"} <= study.keys():
        tried = f"{study['priced']:,} priced, {study['judged']:,} judged, in {study['seconds']:g} s"
        pairs.append(("tried", tried))
    return [*pairs, *_training_facts(result)]


def _training_facts(result: Result) -> Iterator[tuple[str, str]]:
    training = result.training
    if training is None:
        return
    rungs = ", then ".join(f"{count} for {epochs} epochs" for epochs, count in training["rungs"])
    finals = training["finals"]
    yield "trained on", f"{training['data']}, recipe {training['recipe']}"
    yield "strategy", f"{training['strategy']}: {rungs}"
    each = f"{count(finals['seeds'], 'seed')} each"
    yield "finals", f"{count(finals['finalists'], 'network')}, {finals['epochs']} epochs, {each}"
