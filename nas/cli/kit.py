"""`nas kit`: a folder to take to a phone that is not here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nas.cli.options import ARCH_HELP


def kit(
    archs: Annotated[list[str], typer.Argument(help=ARCH_HELP, show_default=False)],
    device_os: Annotated[
        str, typer.Option("--device-os", help="Of the phone: ios or android.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option("--out", help="The folder [default: kit-OS].")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the folder.")] = False,
) -> None:
    """Write models, and what to run, for a phone that is not here."""
    from nas import library
    from nas.errors import ExportError
    from nas.extras import require
    from nas.report.table import print_line

    networks = [(arch, library.load_arch(arch)) for arch in archs]
    require("train")
    from nas.measure.kit import write_kit

    found = write_kit(
        networks,
        device_os,
        out or Path(f"kit-{device_os}"),
        force=force,
        progress=_say,
    )
    print_line(f"{found.path}: {len(found.models)} models; README.md there says what to run")
    if found.failures:
        raise ExportError("; ".join(found.failures))


def _say(file: str) -> None:
    sys.stderr.write(f"{file} ...\n")
