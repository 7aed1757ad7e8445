"""`nas kit`: models and instructions for measuring on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from nas.cli.options import ArchNames, Force, Json, option, out_option
from nas.cli.progress import show_progress
from nas.errors import ExportError, check_names
from nas.files.staging import check_replaceable
from nas.report.tables.text import count, print_json, print_line

SYSTEMS = ("ios", "android")


def kit(
    archs: ArchNames,
    device_os: Annotated[
        str,
        option("--device-os", f"System of the phone: {' or '.join(SYSTEMS)}.", "OS", SYSTEMS),
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

    check_names("operating system", [device_os], SYSTEMS)
    networks = [(arch, library.load_arch(arch)) for arch in archs]
    out = out or Path(f"kit-{device_os}")
    check_replaceable(out, force=force)
    from nas.devices.measure.kit import write_kit

    with show_progress() as progress:
        found = write_kit(networks, device_os, out, force=force, on_progress=progress)
    if json:
        print_json({"path": str(found.path), "models": found.models})
    else:
        models = count(len(found.models), "model")
        print_line(f"{found.path}: {models}; README.md there says what to run")
    if found.failures:
        raise ExportError("; ".join(found.failures))
