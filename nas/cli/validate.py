"""`nas validate`: compare a device with measurements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from nas.cli import complete
from nas.cli.options import MEASURED_HELP, Force, Json, argument, option
from nas.cli.progress import show_progress
from nas.report.tables.errors import print_errors
from nas.report.tables.text import (
    interval,
    numbers,
    plain,
    print_facts_below,
    print_json,
    print_line,
    print_table,
)

if TYPE_CHECKING:
    from nas.devices.calibration.validate import ValidatedNetwork, Validation

WORST = 10
"""Most networks in the list."""


def validate(
    device: Annotated[
        str,
        argument("A name (see: nas list devices) or a folder.", "DEVICE", complete.devices),
    ],
    against: Annotated[Path, option("--against", MEASURED_HELP, "FILE.csv", show_default=False)],
    plot: Annotated[
        Path | None, option("--plot", "Plot predicted over measured latency.", "FILE.png")
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Compare a device's predictions with measurements.

    Examples:
        nas validate iphone12-lut --against measured.csv
        nas validate my-phone --against measured.csv --plot errors.png
    """
    from nas import library
    from nas.devices.calibration.networks import measured_networks
    from nas.devices.calibration.validate import validate as check
    from nas.devices.measurements import read_measurements
    from nas.files.staging import check_replaceable
    from nas.report.plots.predictions import save_predictions

    if plot:
        check_replaceable(plot, force=force)
    known, rows = library.load_device(device), read_measurements(against)
    with show_progress() as progress:
        found = check(known, measured_networks(rows, progress))
    if plot:
        save_predictions(found, plot, force=force)
    if json:
        print_json(_as_json(found))
    else:
        _print(found)


def _as_json(found: Validation) -> dict[str, Any]:
    return {
        "device": found.device.name,
        "device_hash": found.device.content_hash,
        "edited": found.device.edited,
        "unit": found.device.unit,
        "networks": len(found.checked),
        "fitted_to": found.seen,
        "errors": found.errors,
        "trivial_errors": found.trivial_errors,
        "interval_level": found.device.info["interval"]["level"],
        "coverage_pct": found.coverage_pct,
        "worst_first": [
            {
                "network": each.network,
                "measured_ms": each.ms,
                "predicted_ms": each.prediction.ms,
                "predicted_ms_low": each.prediction.low_ms,
                "predicted_ms_high": each.prediction.high_ms,
                "error_pct": each.error_pct,
                "dearest_row": each.costliest.op.row + 1,
                "dearest_row_ms": each.costliest_ms,
                "dearest_op": each.costliest.op.name,
                "dearest_class": each.costliest.cls,
                "flags": list(each.prediction.flags),
            }
            for each in found.worst
        ],
    }


def _print(found: Validation) -> None:
    from nas.latency.device import EDITED

    device, trivial = found.device, found.trivial_errors
    errors = {device.name: found.errors} | ({"size alone": trivial} if trivial else {})
    print_errors(errors, f"errors on {len(found.checked)} networks")
    level = device.info["interval"]["level"]
    facts = [(f"{level:.0%} interval", f"covers {found.coverage_pct:.0f} %")]
    facts += [("caution", EDITED)] if device.edited else []
    facts += [("caution", _seen(found))] if found.seen else []
    print_facts_below(facts)
    print_line()
    columns = [
        "network",
        *numbers("measured\n" + device.unit, "predicted\nms", "error %"),
        "its costliest row",
        *numbers("ms"),
    ]
    title = "worst first" if len(found.checked) > 1 else ""
    print_table(columns, [_cells(each) for each in found.worst[:WORST]], title=title)


def _seen(found: Validation) -> str:
    """How little errors on the figures of the fit say."""
    held_out = found.device.held_out
    return (
        f"the device was fitted to {found.seen} of these {len(found.checked)} figures; on"
        f" {held_out['networks']} networks left out of its fit, the median error was"
        f" {held_out['median_error_pct']:.1f} %"
    )


def _cells(each: ValidatedNetwork) -> list[str]:
    p, op = each.prediction, each.costliest.op
    return [
        each.network,
        plain(each.ms),
        interval(p.ms, p.low_ms, p.high_ms),
        f"{each.error_pct:+.1f}",
        f"{op.row + 1}: {'.'.join(op.name.split('.')[-2:])} ({each.costliest.cls})",
        plain(each.costliest_ms),
    ]
