"""The best network: key figures, table with bars, drawing, file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nas.optimize import Candidate
from nas.report.folders.search import SearchFolder
from nas.report.pages import charts
from nas.report.pages.front import DeviceView
from nas.report.pages.page import (
    BarCell,
    DownloadPart,
    PageCell,
    Part,
    PicturePart,
    PlotPart,
    Section,
    TablePart,
)
from nas.report.svg.network import network_picture
from nas.report.tables.network import NetworkSummary, summarise
from nas.report.tables.rows import cells, columns, total
from nas.report.tables.text import count, interval, millions, numbers, plus_minus
from nas.space.arch import Arch

if TYPE_CHECKING:
    from nas.latency.device import Device


def winner_figures(
    result: SearchFolder, shown: Sequence[DeviceView]
) -> Iterator[tuple[str, str, str]]:
    """Key figures of the best network, each with how it was obtained."""
    found = [(view, view.best) for view in shown if view.best]
    for view, best in found:
        ms = f"{interval(best.ms, best.ms_low, best.ms_high)} {view.unit}"
        yield "latency", ms, f"predicted on {view.device}, 90 % interval"
    if found:
        _, best = found[0]
        yield _supervised(best)
        if own := best.distilled:
            how = "estimated for training with a teacher, ± 1 sd, not trained"
            yield "ImageNet top-1, distilled", f"{plus_minus(own.top1, own.sd)} %", how
    if training := result.training:
        top1 = training["top1"]
        trained = interval(top1["mean"], *top1["interval_95"])
        images = (
            f"{top1['images']:,} {'test' if top1.get('split') == 'test' else 'held-out'} images"
        )
        how = "trained" if training["finals"]["epochs"] else "with inherited weights"
        kind = f"{how}, 95 % interval, {images}, {count(training['finals']['seeds'], 'seed')}"
        yield f"top-1 on {training['data']}", f"{trained} %", kind
    if own := (result.training or {}).get("as_trained"):
        _, *sides = own["input"]
        task = f"{own['classes']:,} classes, images of {sides[1]} x {sides[0]}"
        yield "latency as trained", f"{own['predicted_ms']:.2f} ms", f"predicted for {task}"
    yield "parameters", f"{millions(result.best.params)} M", "counted"
    yield "multiply-adds", f"{millions(result.best.macs)} M", "counted"


def _supervised(best: Candidate) -> tuple[str, str, str]:
    """The estimate for supervised training, corrected if the search selected the network."""
    how = "estimated for supervised training"
    if (own := best.corrected) is None:
        estimate = plus_minus(best.top1, best.top1_sd)
        return "ImageNet top-1", f"{estimate} %", f"{how}, ± 1 sd, not trained"
    how += f", corrected for {own.candidates:,} candidates, 90 % interval, not trained"
    if best.best_published:
        how += f"; {best.best_published}"
    return "ImageNet top-1", f"{interval(own.top1, own.low, own.high)} %", how


def network_parts(best: Arch, yaml: str, device: Device | None) -> list[Part]:
    """File, drawing and table of a network."""
    return [
        DownloadPart(f"Download {best.name} (YAML)", f"{best.arch_id}.yaml", yaml),
        PicturePart(f"{best.name}, row by row.", network_picture(summarise(best))),
        row_table(summarise(best, device)),
    ]


def network_section(best: Arch, yaml: str, device: Device | None) -> Section:
    """The parts of a network as a section."""
    return Section("network", f"The network {best.name}", network_parts(best, yaml, device))


def row_table(shown: NetworkSummary) -> TablePart:
    """The network's table with a latency bar for each row."""
    rows: list[list[PageCell]] = [list(row) for row in cells(shown)]
    heads = columns(shown)
    caption = f"{shown.arch.name} ({shown.arch.source})."
    if p := shown.prediction:
        slowest = max(*p.rows, p.fixed_ms)
        for row, ms in zip(rows, (*p.rows, p.fixed_ms), strict=True):
            row[-1] = BarCell(str(row[-1]), ms / slowest)
        assert shown.device is not None
        caption += f" {shown.device.unit} are predicted for {shown.device.name}."
        heads = [*heads[:-1], *numbers(f"predicted\n{shown.device.unit}")]
    return TablePart(caption, heads, rows, total(shown))


def latency_section(best: Arch, devices: Sequence[Device]) -> list[Section]:
    """Latency by kernel class on each device; empty without a device."""
    figures, rows, groups = {}, [], []
    for device in devices:
        found = breakdown(best, device)
        names, counts, values = zip(*found, strict=True)
        whole = sum(values)
        texts = [f"{ms:.3f} ms, {ms / whole:.0%}" for ms in values]
        figures[device.name] = charts.bars(names, values, texts, f"predicted [{device.unit}]")
        for name, ops, ms in zip(names, counts, values, strict=True):
            number = str(ops) if ops else None
            rows.append([name, device.name, number, f"{ms:.4f}", f"{ms / whole:.1%}"])
            groups.append(device.name)
    heads = ["kernels", "device", *numbers("number", "predicted ms", "share")]
    caption = "Milliseconds by sort of kernel, as the device's runtime fuses them."
    table = TablePart(caption, heads, rows, groups=groups)
    caption = f"Where the predicted milliseconds of {best.name} go."
    note = "Convolutions hold the activations and norms that the runtime fuses into them."
    plot = PlotPart("kernels", caption, "Device", figures, table, note)
    return [Section("kinds", "Latency by op kind", [plot])] if figures else []


def breakdown(arch: Arch, device: Device) -> list[tuple[str, int, float]]:
    """Kernel class, count and predicted milliseconds, slowest first; they sum to the prediction."""
    prediction = device.predict(arch)
    sums, counts = defaultdict[str, float](float), defaultdict[str, int](int)
    for kernel in device.kernels(arch.graph):
        sums[kernel.cls] += float(device.kernel_ms(kernel))
        counts[kernel.cls] += 1
    # scale the sum over kernels to the network, as the device does
    ratio = sum(prediction.rows) / sum(sums.values())
    found = [(name, counts[name], ms * ratio) for name, ms in sums.items()]
    found.append(("fixed part", 0, prediction.fixed_ms))
    return sorted(found, key=lambda kind: -kind[2])
