"""The files of a device folder, written; `nas.latency.files` reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from nas.files import yaml
from nas.files.csv import write_csv
from nas.latency.files import COLUMNS, TERMS, ClassCost, fitted_hash
from nas.latency.fit.calibrate import Costs
from nas.latency.kernels import CLASSES, Kernel
from nas.latency.residual import FILE, Residual, write_residual

COMMENTS = (
    "microseconds of one kernel by class: overhead_us per launch, and per unit of work;",
    "spilled: MB read and written beyond on_chip_mb of device.yaml. networks, max_*: reach",
)


def class_costs(costs: Costs, networks: Collection[Sequence[Kernel]]) -> list[ClassCost]:
    """Costs of each class to five digits, and how far the fit's networks reach."""
    table = []
    for cls, us in zip(CLASSES, costs.us, strict=True):
        own = [[k for k in network if k.cls == cls] for network in networks]
        seen = [kernel for network in own for kernel in network]
        terms: dict[str, Any] = {
            term: float(f"{value:.5g}") for term, value in zip(TERMS, us, strict=True)
        }
        table.append(
            ClassCost(
                cls,
                **terms,
                networks=sum(map(bool, own)),
                max_mmacs=_up(max((k.mmacs for k in seen), default=0)),
                max_activation_mb=_up(max((k.activation_mb for k in seen), default=0)),
            )
        )
    return table


def _up(value: float) -> float:
    """To five digits, upwards: the largest kernel of the fit is not beyond it."""
    return float(f"{value * (1 + 6e-5):.5g}")


def write_device(
    folder: Path,
    info: Mapping[str, Any],
    table: Iterable[ClassCost],
    residual: Residual | None = None,
) -> None:
    """Write `device.yaml`, with the hash of what was fitted, `kernels.csv` and any residual."""
    write_csv(folder / "kernels.csv", COLUMNS, map(astuple, table), COMMENTS)
    files = [folder / "kernels.csv"]
    if residual and residual.points:
        files.append(folder / FILE)
        write_residual(files[-1], residual)
    yaml.write(folder / "device.yaml", {**info, "hash": fitted_hash(info, *files)})
