"""`nas kit`: models and instructions for measuring on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from nas.cli.options import ArchNames, Force, Json, option, out_option
from nas.cli.progress import show_progress
from nas.errors import ExportError
from nas.report.tables.text import print_json, print_line


def kit(
    archs: ArchNames,
    device_os: Annotated[
        str,
        option("--device-os", "System of the phone: ios or android.", "OS", ("ios", "android")),
    ],
    out: Annotated[Path | None, out_option("Folder to write; kit-OS by default.", "DIR")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write models and instructions for measuring on a phone.

    Examples:
        nas kit mobilenetv3-large repvit-m0.9 --device-os ios
        nas kit results/example --device-os android --out for-the-pixel
    """
    from nas import library

    networks = [(arch, library.load_arch(arch)) for arch in archs]
    from nas.devices.measure.kit import write_kit

    with show_progress() as progress:
        found = write_kit(
            networks, device_os, out or Path(f"kit-{device_os}"), force=force, on_progress=progress
        )
    if json:
        print_json({"path": str(found.path), "models": found.models})
    else:
        print_line(f"{found.path}: {len(found.models)} models; README.md there says what to run")
    if found.failures:
        raise ExportError("; ".join(found.failures))
