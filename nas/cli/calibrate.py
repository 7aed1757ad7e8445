"""`nas calibrate`: a device from measured networks."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

from nas.cli import complete
from nas.cli.options import MEASURED_HELP, Force, Json, option, out_option
from nas.cli.progress import show_progress
from nas.report.tables.errors import interval_fact, print_errors, trivial_errors
from nas.report.tables.text import print_facts_below, print_json

if TYPE_CHECKING:
    from nas.devices.calibration.fit import Calibration


def calibrate(
    measurements: Annotated[Path, option("--from", MEASURED_HELP, "FILE.csv", show_default=False)],
    out: Annotated[Path, out_option("Folder of the device.", "NAME")],
    prior: Annotated[
        str | None,
        option(
            "--prior",
            "A related device to adapt; 5 to 20 networks are enough.",
            "NAME",
            complete.devices,
        ),
    ] = None,
    holdout: Annotated[
        Path | None,
        option(
            "--holdout",
            "Networks to evaluate on.",
            "FILE.csv",
            show_default="families left out in turn",
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Make a device from latencies of whole networks.

    Examples:
        nas calibrate --from measured.csv --out my-phone
        nas calibrate --from measured.csv --prior iphone12-lut --out my-phone
    """
    from nas import library
    from nas.devices.calibration.fit import calibrate_device as fit
    from nas.devices.calibration.networks import measured_networks
    from nas.devices.measurements import read_measurements
    from nas.files.staging import StagedDir, check_not_shipped
    from nas.latency.fit.write import write_device

    check_not_shipped("device", out)
    known = library.load_device(prior) if prior else None
    rows = read_measurements(measurements)
    others = read_measurements(holdout) if holdout else []
    with StagedDir(out.parent, out.name, force=force) as draft:
        with show_progress() as progress:
            found = measured_networks([*rows, *others], progress)
            progress("fitting", 1.0)
            made = fit(found[: len(rows)], out.name, known, found[len(rows) :])
        write_device(draft.folder, made.info, made.table, made.residual)
        draft.commit()
    if json:
        print_json(made.info)
    else:
        _print(made, out, evaluated_on=str(holdout) if holdout else "")


def _print(made: Calibration, out: Path, evaluated_on: str) -> None:
    from nas.latency.fit import assess

    info = made.info
    score = info["held_out"]
    errors = {"this device": score, "size alone": trivial_errors(score)}
    if made.fit.before:
        errors = {f"{info['fit']['prior']} as it is": assess.score(made.fit.before)} | errors
    how = evaluated_on or "each family left out of the fit in turn"
    print_errors(errors, f"errors on {score['networks']} networks: {how}")
    facts = [
        ("measured", f"{info['fit']['networks']} networks, {info['fit']['figures']} figures"),
        ("of", f"{info['hardware']}; {info['runtime']}; {info['precision']}; {info['statistic']}"),
        interval_fact(info["interval"], "families"),
    ]
    if made.fit.freedoms:
        shares = (f"{name} {share:.0%}" for name, share in made.fit.freedoms.items())
        facts.append(("factors", "; ".join(shares)))
    if score["median_error_pct"] >= score["trivial_median_error_pct"]:
        facts.append(("caution", "no better than size alone: do not rely on it"))
    print_facts_below([*facts, ("written to", f"{out}; use it with --device {quote(str(out))}")])
