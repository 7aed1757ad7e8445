"""`nas scale`: compound scaling of a network, by given coefficients or by a search for them."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import ArchName, Device, Force, Json, option, out_option
from nas.cli.progress import show_progress
from nas.files.resources import SURROGATE
from nas.report.tables.text import (
    millions,
    numbers,
    plus_minus,
    print_facts_below,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from nas.adapt.compound import Multipliers, Scaled
    from nas.report.tables.network import NetworkSummary
    from nas.space.arch import Arch

SHOWN = 10
"""Points of the grid that the table shows."""


def scale(
    arch: ArchName,
    phi: Annotated[
        float | None,
        option("--phi", "Compound coefficient; 0.5, 1, ... 6 are B1-B7.", "X"),
    ] = None,
    alpha: Annotated[float, option("--alpha", "Depth grows by alpha^phi.", "X")] = 1.2,
    beta: Annotated[float, option("--beta", "Width grows by beta^phi.", "X")] = 1.1,
    gamma: Annotated[float, option("--gamma", "Resolution grows by gamma^phi.", "X")] = 1.15,
    search: Annotated[
        bool, option("--search", "Search alpha, beta, gamma for a budget instead.")
    ] = False,
    device: Device = None,
    budget_ms: Annotated[
        float | None, option("--budget-ms", "Search within this latency, in ms.", "MS")
    ] = None,
    budget_macs: Annotated[
        float | None, option("--budget-macs", "Search within these MACs, e.g. 6e8.", "MACS")
    ] = None,
    out: Annotated[
        Path | None,
        out_option("The network's table; with --search: NAME-scaled.yaml.", "FILE.yaml"),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Scale depth, width and resolution of one network together.

    Examples:
        nas scale efficientnet-b0 --phi 1
        nas scale mobilenetv2 --search --budget-ms 2 --device iphone12-lut
    """
    from nas import library
    from nas.adapt import compound
    from nas.files.staging import check_replaceable, output_path, save_text

    budgeted = budget_ms is not None or budget_macs is not None
    if not (search == budgeted == (phi is None)):
        raise typer.BadParameter("give either --phi, or --search with --budget-ms or --budget-macs")
    base = library.load_arch(arch)
    if search and out is None:
        out = output_path(Path(), f"{base.name}-scaled.yaml")
    if out:
        check_replaceable(out, force=force)
    if phi is not None:
        given = compound.Coefficients(alpha, beta, gamma)
        by = compound.multipliers(phi, given)
        made = by.of(base, name=f"{base.name}-phi{phi:g}")
        if out:
            save_text(out, made.to_yaml(), force=force)
        _show(base, made, by, given.growth, device, json=json)
        return
    surrogate = library.load_surrogate(SURROGATE)
    with show_progress() as progress:
        found = compound.search(
            base,
            surrogate,
            device=library.load_device(device) if device else None,
            budget_ms=math.inf if budget_ms is None else budget_ms,
            budget_macs=math.inf if budget_macs is None else budget_macs,
            on_progress=progress,
        )
    assert out is not None
    save_text(out, found[0].arch.to_yaml(), force=force)
    _show_found(found, out, device, json=json)


def _show(
    base: Arch, made: Arch, by: Multipliers, growth: float, device: str | None, *, json: bool
) -> None:
    from nas.report.tables.side_by_side import print_together

    sheets = [_sheet(arch, device) for arch in (base, made)]
    if json:
        factors = {"width": by.width, "depth": by.depth, "side": made.input[1]}
        print_json(sheets[1].as_json() | factors | {"macs_per_phi": growth})
        return
    print_together({"": sheets})
    print_facts_below(
        [
            ("multipliers", f"width {by.width:.3g}, depth {by.depth:.3g}, side {made.input[1]}"),
            ("alpha beta^2 gamma^2", f"{growth:.3f}; the paper keeps it near 2"),
            ("MACs", f"{made.macs / base.macs:.2f} times those of {base.name}"),
        ]
    )


def _show_found(found: list[Scaled], path: Path, device: str | None, *, json: bool) -> None:
    if json:
        best = _sheet(found[0].arch, device).as_json() | {"path": str(path)}
        print_json({"best": best, "points": [_as_json(point) for point in found]})
        return
    columns = numbers("alpha", "beta", "gamma", "side", "predicted\nms")
    columns += numbers("estimated\nsupervised\ntop-1 %", "estimated\ndistilled\ntop-1 %")
    columns += numbers("params\nM", "MACs\nM")
    rows: list[list[str | None]] = []
    for point in found[:SHOWN]:
        c, arch, guess = point.coefficients, point.arch, point.guess
        bases = [f"{base:g}" for base in (c.alpha, c.beta, c.gamma)]
        ms = None if point.ms is None else f"{point.ms:.3f}"
        estimates = [plus_minus(own.top1, own.sd) for own in (guess, point.distilled)]
        sizes = [millions(arch.params), millions(arch.macs)]
        rows.append([*bases, str(arch.input[1]), ms, *estimates, *sizes])
    print_table(columns, rows)
    growth = found[0].coefficients.growth
    print_facts_below(
        [
            ("order", "estimate - 1 sd, of the grid's points within the budget"),
            ("alpha beta^2 gamma^2", f"{growth:.2f} for the first"),
            ("written to", str(path)),
        ]
    )


def _as_json(point: Scaled) -> dict[str, Any]:
    return asdict(point.coefficients) | {
        "side": point.arch.input[1],
        "arch_id": point.arch.arch_id,
        "ms": point.ms,
        "top1": point.guess.top1,
        "top1_sd": point.guess.sd,
        "top1_distilled": point.distilled.top1,
        "top1_distilled_sd": point.distilled.sd,
        "params": point.arch.params,
        "macs": point.arch.macs,
    }


def _sheet(arch: Arch, device: str | None) -> NetworkSummary:
    from nas import library
    from nas.report.tables.network import summarise

    on = library.load_device(device) if device else None
    return summarise(arch, on, library.default_surrogate())
