"""Calibrate the shipped devices from published figures, and test each on families left out.

    python benchmarks/fit_devices.py --data DIR [--only NAME]

DIR holds `published_latency.csv`, `qualcomm_ai_hub_latency.csv` and `accel_nasbench.csv`. These
figures are not part of the project. The fitted devices are, with their sources: a folder in
`predictors/` for each device that beats parameters and MACs alone on networks left out, and its
errors and intervals by family in `results/devices/`. Takes about ten minutes on one core, half of
them for tracing networks. Repeated runs give identical digits.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from device_figures import Row
from device_sources import DEVICES, Source
from files import write_rows
from iphone_fit import counted, is_large, roadmap

from nas.devices.calibration.fit import (
    DeviceFit,
    adapt_device,
    adapt_from_several,
    device_facts,
    fit_device,
)
from nas.graph.lint import leaving_ops
from nas.latency.device import lint_target, load_device
from nas.latency.fit import assess
from nas.latency.fit.adapt import costs_of
from nas.latency.fit.assess import HeldOut
from nas.latency.fit.calibrate import ON_CHIP_MB, LatencySample, work_of
from nas.latency.fit.write import class_costs, write_device
from nas.latency.kernels import BYTES, Kernel, kernels

ROOT = Path(__file__).parents[1]
DATE = "2026-11-30"
"""Date of the last fit, fixed so that repeated runs write identical files."""
PREDICTED = "; predicted from figures of whole networks"

Key = tuple[str, int]
"""Network and image side."""


class Lowered(NamedTuple):
    """A network as the device's runtime executes it."""

    kernels: tuple[Kernel, ...]
    leaves: bool
    """Whether an op may leave the accelerator."""


def main() -> None:
    """Fit and test every device, and write those that are good enough."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=DEVICES)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)  # of torch.export, on some timm models
    for name in [options.only] if options.only else DEVICES:
        source = DEVICES[name]
        rows, missing = source.rows(options.data)
        networks = lower_all(rows, source)
        figures = as_figures(rows, networks)
        fit = fit_of(source, figures)
        info = describe(name, source, rows, missing, figures, fit)
        score = info["held_out"]
        worth = score["median_error_pct"] < score["trivial_median_error_pct"]
        worth &= score["mean_error_pct"] < score["trivial_mean_error_pct"]
        sys.stdout.write(f"{name}: {score}; {'shipped' if worth else 'not shipped'}\n")
        sys.stdout.flush()
        write_errors(ROOT / "results" / "devices" / f"{name}.csv", usual(name, fit))
        if worth:
            folder = ROOT / "predictors" / name
            folder.mkdir(exist_ok=True)
            table = class_costs(fit.costs, [own.kernels for own in networks.values()])
            write_device(folder, info, table)


def lower_all(rows: Sequence[Row], source: Source) -> dict[Key, Lowered]:
    """Return each network as executed."""
    by_key = {figure.key: network for figure, network in rows}
    size, target = BYTES[source.precision], lint_target(source.runtime, source.hardware)
    found = {}
    for key, network in sorted(by_key.items()):
        graph = network.graph(key[1])
        leaves = bool(leaving_ops(graph, target))
        found[key] = Lowered(tuple(kernels(graph, size, source.fuses)), leaves)
    return found


def as_figures(rows: Sequence[Row], networks: Mapping[Key, Lowered]) -> list[LatencySample]:
    """Weight the figures. Repeats of one harness share a weight; rounding and size lower it."""
    work = {key: work_of(own.kernels) for key, own in networks.items()}
    repeats = Counter((figure.key, figure.harness) for figure, _ in rows)
    found = []
    for figure, network in rows:
        name = f"{figure.network} {figure.side}"
        spread = np.hypot(0.05, figure.rounding / np.sqrt(3)) / 0.05
        weight = 1 / spread / np.sqrt(repeats[figure.key, figure.harness])
        weight *= 0.5 if is_large(name) else 1.0
        found.append(
            LatencySample(
                name,
                network.family,
                work[figure.key],
                figure.ms,
                figure.harness,
                float(weight),
                networks[figure.key].leaves,
            )
        )
    return found


def fit_of(source: Source, figures: Sequence[LatencySample]) -> DeviceFit:
    """Fit the device, or adapt what is known."""
    known = {name: costs_of(load_device(name)) for name in source.priors}
    if len(known) == 1:
        return adapt_device(figures, *known.values())
    if known:
        return adapt_from_several(figures, known)
    return fit_device(
        figures,
        source.recipe,
        own=source.owns,
        usual=lambda figure: not is_large(figure.network),
    )


def usual(name: str, fit: DeviceFit) -> list[HeldOut]:
    """Return the networks that count in a device's errors."""
    return counted(fit.held_out)["held_out"] if name.startswith("iphone") else list(fit.held_out)


def describe(
    name: str,
    source: Source,
    rows: Sequence[Row],
    missing: Collection[str],
    figures: Sequence[LatencySample],
    fit: DeviceFit,
) -> dict[str, Any]:
    """Return the content of `device.yaml`."""
    info: dict[str, Any] = {
        "schema": 1,
        "name": name,
        "kind": source.kind,
        "hardware": source.hardware,
        "runtime": source.runtime,
        "version": source.version,
        "precision": source.precision,
        "threads": source.threads,
        "batch": source.batch,
        "statistic": source.statistic + PREDICTED,
        "date": DATE,
        "fuses": list(source.fuses),
        "on_chip_mb": ON_CHIP_MB,
        **device_facts(fit, usual(name, fit)),
    }
    if name == "iphone12-lut":
        groups = counted(fit.held_out)
        info |= {key: assess.score(own) for key, own in groups.items()}
        info["roadmap"] = roadmap(figures, fit)
    factors = {} if len(fit.factors) > 20 else dict(sorted(fit.factors.items()))
    info["fit"] = {
        "script": "benchmarks/fit_devices.py",
        "figures": len(rows),
        "networks": len({figure.key for figure, _ in rows}),
        "harness_factors": {harness: round(factor, 4) for harness, factor in factors.items()},
        "networks_without_a_graph": len(missing),
    }
    if len(source.priors) > 1:
        info["fit"]["priors"] = {name: round(share, 3) for name, share in fit.freedoms.items()}
    if source.notes:
        info["notes"] = source.notes
    citations = Counter(figure.citation for figure, _ in rows)
    info["sources"] = [{"citation": text, "figures": n} for text, n in sorted(citations.items())]
    return info


def write_errors(path: Path, held_out: Sequence[HeldOut]) -> None:
    """Write the errors and intervals on each family left out of the fit, and on all networks."""
    spans = assess.left_out_spans(held_out)
    families = np.array([each.family for each in held_out])
    leaves = np.array([each.leaves for each in held_out])
    groups = {"all": np.full(len(held_out), True)}
    if leaves.any():
        groups |= {"all without ops that may leave the accelerator": ~leaves}
    groups |= {family: families == family for family in sorted(set(families))}
    rows = []
    for family, kept in groups.items():
        own = list(compress(held_out, kept))
        worst = max(own, key=lambda each: abs(each.predicted_ms / each.ms - 1))
        found: dict[str, Any] = {"family": family} | assess.score(own)
        found |= assess.interval_scores(own, spans[kept])
        found["leaving"] = sum(each.leaves for each in own)
        found["worst_network"] = worst.network
        found["worst_error_pct"] = round(100 * (worst.predicted_ms / worst.ms - 1), 1)
        rows.append({column: found.get(column) for column in COLUMNS})
    write_rows(path, rows)


ERRORS = ("median_error_pct", "mean_error_pct", "p90_error_pct")
ERRORS += ("within_5_pct", "within_10_pct", "within_20_pct", "spearman")
COLUMNS = ("family", "networks", *ERRORS, *(f"trivial_{key}" for key in ERRORS))
COLUMNS += ("leaving", "left_out_in_interval_pct", "interval_width_pct", "interval_score_pct")
COLUMNS += ("worst_network", "worst_error_pct")


if __name__ == "__main__":
    main()
