"""The page of an adapted network: before and after, proposals, latency by kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas import library
from nas.adapt.result import HISTORY, HISTORY_COLUMNS, read_document
from nas.errors import NasError
from nas.files.csv import CsvRow, read_csv
from nas.files.resources import BEST
from nas.files.text import read_text
from nas.latency.device import Device
from nas.report.folders.search_inputs import found_device
from nas.report.pages import charts
from nas.report.pages.page import FactsPart, Page, PicturePart, PlotPart, Section, TablePart
from nas.report.pages.winner import latency_section, network_section
from nas.report.svg.comparison import comparison_picture
from nas.report.tables.network import summarise
from nas.report.tables.side_by_side import recorded_estimates
from nas.report.tables.text import interval, millions, numbers, plus_minus
from nas.space.arch import Arch, read_arch


@dataclass(frozen=True, slots=True)
class AdaptedFolder:
    """The content of a folder of `nas adapt`."""

    folder: Path
    made: Mapping[str, Any]
    """Content of `adapt.yaml`."""
    after: Arch
    yaml: str
    history: tuple[CsvRow, ...]
    """Every proposal; empty without steps."""

    @property
    def device(self) -> Device | None:
        """The target device, if it is available."""
        return found_device(self.made["device"]["name"])

    @property
    def before(self) -> Arch | None:
        """The original network if it is a shipped one; else its table is not known."""
        try:
            found = library.load_arch(self.made["before"]["name"])
        except NasError:
            return None
        return found if found.arch_id == self.made["before"]["arch_id"] else None


def read_adapted(folder: Path) -> AdaptedFolder:
    """Read the folder of an adapted network.

    Raises:
        DocumentError: one of its files is damaged.
    """
    made, path, history = read_document(folder), folder / BEST, folder / HISTORY
    lines = read_csv(history, HISTORY_COLUMNS) if history.exists() else []
    return AdaptedFolder(folder, made, read_arch(path), read_text(path), tuple(lines))


def adapted_page(adapted: AdaptedFolder) -> Page:
    """Make the page of an adapted network."""
    made, after, device = adapted.made, adapted.after, adapted.device
    sections = [
        *_beside(adapted),
        *_tried(adapted),
        network_section(after, adapted.yaml, device),
        *latency_section(after, [device] if device else []),
        Section("made", "How it was made", [FactsPart.of(made)]),
    ]
    return Page(
        f"{adapted.folder.resolve().name}: {made['before']['name']} with other widths",
        f"Adapted by nas adapt for {made['device']['name']}. Milliseconds are predicted, none was"
        " measured.",
        [*_figures(made)],
        sections,
    )


def _figures(made: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    before, after = made["before"], made["after"]
    on = f"predicted on {made['device']['name']}"
    yield "latency before", f"{before['predicted_ms']:.2f} ms", on
    ms = interval(after["predicted_ms"], after["low_ms"], after["high_ms"])
    yield "latency after", f"{ms} ms", f"{on}, 90 % interval"
    yield "parameters before", f"{millions(before['params'])} M", "counted"
    yield "parameters after", f"{millions(after['params'])} M", "counted"
    if guess := made.get("estimated_imagenet"):
        supervised, distilled = recorded_estimates(guess)
        how = "estimated for supervised training"
        yield "ImageNet top-1 after", f"{plus_minus(*supervised)} %", how
        if distilled:
            how = "estimated for training with a teacher"
            yield "ImageNet top-1 after, distilled", f"{plus_minus(*distilled)} %", how
    if judged := made.get("judged_top1"):
        both = f"{judged['before']:.1f} %, {judged['after_the_steps']:.1f} %"
        yield "top-1 before, after the steps", both, "trained, on the validation images"


def _beside(adapted: AdaptedFolder) -> Iterator[Section]:
    """Both networks side by side, if the original is known."""
    if (before := adapted.before) is None:
        return
    picture = comparison_picture(summarise(before), summarise(adapted.after))
    caption = "Row by row; what differs is marked."
    yield Section("beside", "Before and after", [PicturePart(caption, picture)])


def _tried(adapted: AdaptedFolder) -> Iterator[Section]:
    """Accuracy over latency of all proposals and of the accepted ones."""
    lines = [line for line in adapted.history if line.cells["top1"]]
    if not lines:
        return
    ms = [line.number("predicted_ms") for line in lines]
    top1s = [line.number("top1") for line in lines]
    told = [" ".join(line.cells[c] for c in ("knob", "before", "after")) for line in lines]
    way = [i for i, line in enumerate(lines) if line.cells["taken"] == "1" or i == 0]
    figure = charts.points_and_line(
        ("proposal", ms, top1s, told),
        ("taken, one a step", [ms[i] for i in way], [top1s[i] for i in way]),
        f"predicted on {adapted.made['device']['name']} [ms]",
        "top-1 after the short training [% of validation images]",
    )
    heads = [*numbers("step"), "width", *numbers("from", "to", "predicted\nms", "top-1 %")]
    rows = [
        [
            *(line.cells[c] or None for c in ("step", "knob", "before", "after")),
            f"{x:.3f}",
            f"{y:.2f}",
        ]
        + ["yes" if index in way else "no"]
        for index, (line, x, y) in enumerate(zip(lines, ms, top1s, strict=True))
    ]
    table = TablePart("Every proposal.", [*heads, "taken"], rows)
    caption = "Accuracy of every proposal over its predicted milliseconds."
    yield Section(
        "steps", "What was tried", [PlotPart("tried", caption, "", {"all": figure}, table)]
    )
