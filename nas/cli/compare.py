"""`nas compare`: networks side by side, one line each."""

from __future__ import annotations

import typer

from nas.cli.options import Device, Force, Inputs, Json, NetworkNames, Sources, Strict, Svg
from nas.cli.progress import show_progress
from nas.report.tables.text import print_facts_below, print_json


def compare(
    archs: NetworkNames,
    device: Device = None,
    inputs: Inputs = None,
    json: Json = False,
    sources: Sources = False,
    strict: Strict = False,
    svg: Svg = None,
    force: Force = False,
) -> None:
    """Compare networks, one line each.

    Two of them are drawn row by row with --svg.

    Examples:
        nas compare mobilenetv3-large repvit-m0.9 --device iphone12-lut
        nas compare mobilenetv2 mobilenetv3-large --svg two.svg
        nas compare mobilenetv2 results/example torchvision:mobilenet_v2
    """
    from nas import library
    from nas.files.staging import check_replaceable, save_text
    from nas.report.svg.comparison import comparison_picture
    from nas.report.tables.network import named_summary
    from nas.report.tables.side_by_side import (
        print_doubts,
        print_sources,
        print_together,
        print_trained,
        with_short_names,
    )

    if svg and len(archs) != 2:
        raise typer.BadParameter(f"--svg draws two networks beside each other, found {len(archs)}")
    if svg:
        check_replaceable(svg, force=force)
    on = library.load_device(device) if device else None
    with show_progress(shown=any(":" in arch for arch in archs)) as progress:  # they are traced
        sheets = []
        for number, arch in enumerate(archs):
            progress(arch, number / len(archs))
            sheets.append(named_summary(arch, inputs or (), on, strict=strict))
    sheets = with_short_names(sheets)
    if svg:
        save_text(svg, comparison_picture(*sheets), force=force)
    if json:
        print_json([found.as_json() for found in sheets])
    else:
        print_together({"": sheets})
        print_trained(sheets)
        print_doubts(sheets)
        if sources:
            print_sources(sheets)
        print_facts_below([("written to", str(svg))] if svg else [])
