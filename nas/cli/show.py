"""`nas show`: one network as a table, with the cost of every row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from nas.cli.options import Device, Force, Inputs, Json, NetworkName, Strict, Svg, option
from nas.cli.progress import show_progress
from nas.files.resources import exists, trained_in
from nas.report.tables.text import (
    interval,
    millions,
    print_facts_below,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from nas.latency.device import Device as LatencyDevice
    from nas.report.tables.network import NetworkSummary


def show(
    arch: NetworkName,
    device: Device = None,
    inputs: Inputs = None,
    json: Json = False,
    strict: Strict = False,
    fused: Annotated[
        bool, option("--fused", "Show rows as deployed, with norms and branches merged.")
    ] = False,
    svg: Svg = None,
    force: Force = False,
) -> None:
    """Show one network, row by row, with its costs.

    A result is shown on the device that it was made for, unless --device is given.

    Examples:
        nas show mobilenetv3-large --device iphone12-lut
        nas show results/example --fused
        nas show timm:mobileone_s1@192 --json
        nas show net.py:make --input 1x96x192
    """
    from nas.files.staging import check_replaceable, save_text
    from nas.report.svg.network import network_picture
    from nas.report.tables.network import named_summary

    if svg:
        check_replaceable(svg, force=force)
    with show_progress(shown=":" in arch) as progress:  # to trace a network takes seconds
        progress(arch, 0.0)
        on, cautions = _device(arch, device)
        found = named_summary(arch, inputs or (), on, strict=strict, fused=fused)
    if svg:
        save_text(svg, network_picture(found), force=force)
    if json:
        print_json(found.as_json())
    else:
        _print(found)
        print_facts_below([*_as_trained(arch, found), *(("caution", text) for text in cautions)])
        print_facts_below([("written to", str(svg))] if svg else [])


def _print(summary: NetworkSummary) -> None:
    from nas.report.tables.rows import cells, columns, total

    title = f"{summary.arch.name} ({summary.arch.source})"
    title += (
        f"; {summary.device.unit} are predicted for {summary.device.name}" if summary.device else ""
    )
    print_table(columns(summary), cells(summary), title=title, total=total(summary), keys=2)
    print_facts_below(_facts(summary))


def _facts(summary: NetworkSummary) -> list[tuple[str, str]]:
    from nas.report.tables.network import imagenet_doubt
    from nas.report.tables.side_by_side import count_doubts, estimated_facts

    content = summary.as_json()
    table = content["arch_id"] is not None
    state = "as trained" if table else "as traced"
    facts = [("arch_id", content["arch_id"])] if table else []
    facts += [
        ("params", f"{content['params']:,} {state}, {content['fused_params']:,} fused"),
        ("MACs", f"{millions(content['macs'])} M"),
        ("peak activations", f"{millions(content['peak_activation_elements'])} M elements, fused"),
    ]
    facts += [("unknown work", call) for call in summary.unmapped]
    facts += count_doubts(summary)
    if (p := summary.prediction) and (device := summary.device):
        level = f"{device.info['interval']['level']:.0%} interval"
        text = f"{interval(p.ms, p.low_ms, p.high_ms)} {device.unit} on {device.name} ({level})"
        facts.append(("predicted latency", text))
        facts += [("caution", flag) for flag in p.flags]
    if t := summary.trained:
        facts.append(("trained top-1", f"{interval(t.top1, t.low, t.high)} %: {t.of}"))
    if g := summary.guess:
        facts += estimated_facts(g, summary.distilled)
    elif doubt := imagenet_doubt(summary.arch):
        facts.append(("top-1", doubt))
    return facts + [("published top-1", str(f)) for f in summary.published]


def _device(name: str, device: str | None) -> tuple[LatencyDevice | None, list[str]]:
    """The device that is asked for, or that a result was made for; cautions about the latter."""
    from nas import library

    if device:
        return library.load_device(device), []
    if not (exists(Path(name)) and Path(name).is_dir()):
        return None, []
    from nas.report.folders.search_inputs import device_of

    return device_of(Path(name))


def _as_trained(name: str, summary: NetworkSummary) -> list[tuple[str, str]]:
    """What differs in the network that was trained: a search finds networks for ImageNet."""
    from nas import library
    from nas.report.tables.network import describe_task

    trained = trained_in(name)
    arch = library.load_arch(trained[0]) if trained else None
    if arch is None or arch == summary.arch:
        return []
    return [("as trained", describe_task(arch, summary.device))]
