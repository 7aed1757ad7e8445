"""The page of a search: front, best network, latency by kernel, training, settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nas.latency.device import Device
from nas.report.folders.search import SearchFolder
from nas.report.folders.search_inputs import load_inputs
from nas.report.pages.front import device_views, front_section
from nas.report.pages.page import FactsPart, Page, Section
from nas.report.pages.training import training_sections
from nas.report.pages.winner import latency_section, network_section, winner_figures
from nas.report.tables.text import count


def search_page(result: SearchFolder) -> Page:
    """Make the page of a search."""
    found = load_inputs(result)
    shown = device_views(result, found)
    device = found.device(result.study["device"]["name"])
    sections = [
        front_section(result, shown),
        network_section(result.best, result.yaml, device),
        *latency_section(result.best, found.devices),
        *training_sections(result),
        Section("made", "How it was made", [FactsPart(facts_of(result))]),
    ]
    budgets = " and ".join(f"{ms:g} ms on {name}" for name, ms in result.budgets.items())
    return Page(
        f"{result.name}: the best network within {budgets}",
        f"Found by nas search in the space {result.study['space']['name']},"
        f" {result.study['date']}. {_nature(result)}",
        [*winner_figures(result, shown)],
        sections,
        [*found.cautions, *_flags(result, found.devices)],
    )


def _flags(result: SearchFolder, devices: Sequence[Device]) -> Iterator[str]:
    """Warnings about the predicted latency of the best network."""
    for device in devices:
        for flag in device.predict(result.best).flags:
            yield f"Predicted for {device.name}: {flag}."


def _nature(result: SearchFolder) -> str:
    told = "Milliseconds are predicted, none was measured; ImageNet accuracies are estimated"
    if (training := result.training) is None:
        return f"{told}; nothing was trained."
    return f"{told}; candidates were trained on {training['data']}."


def facts_of(result: SearchFolder) -> list[tuple[str, str]]:
    """Command, versions and settings of a search."""
    study = result.study
    versions = ", ".join(f"{name} {number}" for name, number in study["versions"].items())
    pairs = [("command", study["command"]), ("date", study["date"]), ("versions", versions)]
    pairs += [("seed", str(study["seed"])), ("budget", f"{study['budget_ms']:g} ms predicted")]
    if study.get("confidence") is not None:
        pairs.append(("kept with probability", f"{study['confidence']:g}"))
    for what in ("space", "device", "surrogate"):
        pairs.append((what, f"{study[what]['name']}, hash {study[what]['hash']}"))
    for entry in study.get("others", []):
        budget = f"within {entry['budget_ms']:g} ms"
        pairs.append(("device too", f"{entry['name']}, {budget}, hash {entry['hash']}"))
    pairs += [(f"at most, {name}", str(most)) for name, most in study.get("limits", {}).items()]
    if avoided := study.get("avoided"):
        pairs.append(("avoided", ", ".join(avoided)))
    pairs.append(("objective", f"estimate - {study['caution']:g} sd"))
    gap = f"{study['optimality_gap']:.3g} points, of the last exact recombination"
    tried = f"{study['priced']:,} priced, {study['judged']:,} judged, in {study['seconds']:g} s"
    pairs += [("optimality gap", gap), ("tried", tried)]
    return [*pairs, *_training_facts(result)]


def _training_facts(result: SearchFolder) -> Iterator[tuple[str, str]]:
    training = result.training
    if training is None:
        return
    rungs = ", then ".join(
        f"{n} for {count(epochs, 'epoch')}" if epochs else f"{n} with inherited weights"
        for epochs, n in training["rungs"]
    )
    if supernet := training.get("supernet"):
        yield "supernet", supernet["path"]
    finals = training["finals"]
    yield "trained on", f"{training['data']}, recipe {training['recipe']}"
    yield from result.images.told if result.images else ()
    yield "strategy", f"{training['strategy']}: {rungs}"
    if not finals["epochs"]:
        return
    found, seeds = count(finals["finalists"], "network"), count(finals["seeds"], "seed")
    yield "finals", f"{found}, {count(finals['epochs'], 'epoch')}, {seeds} each"
