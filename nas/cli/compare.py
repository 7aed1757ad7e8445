"""`nas compare`: networks side by side, one line each."""

from __future__ import annotations

from typing import Annotated

import typer

from nas.cli.options import NETWORK_HELP, Device, Json, Svg


def compare(
    archs: Annotated[list[str], typer.Argument(help=NETWORK_HELP, show_default=False)],
    device: Device = None,
    json: Json = False,
    svg: Svg = None,
) -> None:
    """Compare networks, one line each; two of them row by row with --svg."""
    from nas import library
    from nas.build.named import load_network
    from nas.report.drawing import save
    from nas.report.sheet import sheet
    from nas.report.side_by_side import print_sources, print_together
    from nas.report.table import print_json
    from nas.report.versus import comparison_picture

    if svg and len(archs) != 2:
        raise typer.BadParameter(f"--svg draws two networks beside each other, found {len(archs)}")
    on = library.load_device(device) if device else None
    surrogate = library.default_surrogate()
    sheets = [sheet(load_network(arch), on, surrogate) for arch in archs]
    if svg:
        save(svg, comparison_picture(*sheets))
    if json:
        print_json([found.as_json() for found in sheets])
    else:
        print_together({"": sheets})
        print_sources(sheets)
