"""`nas compare`: networks side by side, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import ARCH_HELP, Device, Json

if TYPE_CHECKING:
    from nas.report.sheet import Sheet


def compare(
    archs: Annotated[list[str], typer.Argument(help=ARCH_HELP, show_default=False)],
    device: Device = None,
    json: Json = False,
) -> None:
    """Compare networks, one line each."""
    from nas import library
    from nas.report.sheet import sheet
    from nas.report.table import print_json

    on = library.load_device(device) if device else None
    surrogate = library.default_surrogate()
    sheets = [sheet(library.load_arch(arch), on, surrogate) for arch in archs]
    if json:
        print_json([found.as_json() for found in sheets])
    else:
        _print(sheets)


def _print(sheets: list[Sheet]) -> None:
    from nas.report.table import Column, numbers, print_facts, print_line, print_table

    columns = [
        Column("network"),
        *numbers("predicted\nms", "estimated\ntop-1 %", "published\ntop-1 %"),
        *numbers("params\nM", "MACs\nM"),
    ]
    print_table(columns, [_cells(sheet) for sheet in sheets])
    sources = [(s.arch.name, f"published: {s.published[0]}") for s in sheets if s.published]
    if sources:
        print_line()
        print_facts(sources)


def _cells(sheet: Sheet) -> list[str | None]:
    from nas.report.table import interval, millions, plus_minus

    p, guess, published = sheet.prediction, sheet.guess, sheet.published
    return [
        sheet.arch.name,
        interval(p.ms, p.low_ms, p.high_ms) if p else None,
        plus_minus(guess.top1, guess.sd) if guess else None,
        f"{published[0].top1:.1f}" if published else None,
        millions(sheet.arch.params),
        millions(sheet.arch.macs),
    ]
