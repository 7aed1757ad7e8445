"""The two files of a device folder, read strictly: `device.yaml` and `kernels.csv`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any, Literal

from nas.errors import DocumentError, brief
from nas.files import yaml
from nas.files.csv import read_csv
from nas.files.records import between, optional, read_record, some_of, text
from nas.graph.ops import ACTIVATIONS
from nas.latency.correction import NetworkCorrection
from nas.latency.kernels import BYTES, CLASSES, Kernel

FUSIBLE = (*ACTIVATIONS, "scale", "add")
INTERVALS = ("interval", "interval_leaving")
TRIVIAL_KEYS = ("fixed_ms", "ms_per_mmac", "ms_per_weight_mb")


@dataclass(frozen=True, slots=True)
class _Interval:
    """Quantiles of measured over predicted milliseconds."""

    level: float = between(low=0.01, high=0.999)
    low_ratio: float = between(above=0, high=inf)
    high_ratio: float = between(above=0, high=inf)
    coverage_pct: float = between(high=100)
    coverage_across_families_pct: float = between(high=100)


@dataclass(frozen=True, slots=True)
class _Trivial:
    """Costs of the model of parameters and MACs alone."""

    fixed_ms: float = between(high=inf)
    ms_per_mmac: float = between(high=inf)
    ms_per_weight_mb: float = between(high=inf)


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """Errors of the device, and of the trivial model, on networks left out of the fit."""

    networks: float = between(high=inf)
    median_error_pct: float = between(high=inf)
    mean_error_pct: float = between(high=inf)
    trivial_median_error_pct: float = between(high=inf)
    trivial_mean_error_pct: float = between(high=inf)
    p90_error_pct: float = between(None, high=inf)
    spearman: float = between(None, low=-1, high=1)
    trivial_p90_error_pct: float = between(None, high=inf)
    trivial_spearman: float = between(None, low=-1, high=1)
    trivial_within_10_pct: float = between(None, high=100)
    trivial_within_20_pct: float = between(None, high=100)
    trivial_within_5_pct: float = between(None, high=100)
    within_10_pct: float = between(None, high=100)
    within_20_pct: float = between(None, high=100)
    within_5_pct: float = between(None, high=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDocument:
    """Keys of `device.yaml`."""

    schema: Literal[1]
    """version of this format: 1"""
    name: str = text()
    """name of the folder"""
    kind: str = text()
    """calibrated, adapted from another device, or profiled"""
    hardware: str = text()
    """the machine, and which part of it computes"""
    runtime: str = text()
    """what executes the network"""
    version: str = text()
    """version of the runtime"""
    precision: str = field(metadata={"names": tuple(BYTES)})
    """precision of weights and activations"""
    statistic: str = text()
    """what a figure is: median of so many runs, ..."""
    date: str = text()
    """date of the fit"""
    threads: int | None = between(low=1, high=inf)
    """threads of the CPU; ~ where they cannot be chosen"""
    batch: int = between(low=1, high=inf)
    """images per invocation; milliseconds are per image"""
    fixed_ms: float = between(above=0, high=inf)
    """milliseconds of an empty network"""
    on_chip_mb: float = between(above=0, high=inf)
    """MB that a kernel can read and write without spilling"""
    fuses: tuple[str, ...] = some_of(*FUSIBLE)
    """ops that join the kernel of the convolution or linear layer before them"""
    sources: tuple[Any, ...]
    """where the figures are from"""
    lanes: int | None = between(None, low=1, high=1024)
    """numbers that a vector register of a profiled machine holds; its kernels pad channels to a
    multiple of it; 16 if missing"""
    interval: _Interval
    """low_ratio and high_ratio times the estimate hold `level` of networks of an unseen family;
    coverage: percent of the networks left out that they held"""
    interval_leaving: _Interval = optional()
    """the same for networks with an op that may leave the accelerator, which some of them pay for
    with several times the latency"""
    held_out: _HeldOut
    """errors on networks left out of the fit, one family at a time; trivial_*: of the model of
    parameters and MACs alone"""
    held_out_conv: _HeldOut = optional()
    """the same for convolutional networks"""
    held_out_large: _HeldOut = optional()
    """the same for large images"""
    trivial: _Trivial = optional()
    """the model of parameters and MACs alone"""
    whole: NetworkCorrection = optional()
    """of a profiled machine: from the sum over kernels to the network"""
    hash: Any = None
    """hash of what was fitted; after an edit by hand every prediction carries a warning"""
    roadmap: Any = None
    """published steps from one network to another, and what was fitted to them"""
    fit: Any = None
    """how the device was made"""
    notes: Any = None
    """free text"""


FITTED = (
    *("precision", "fixed_ms", "on_chip_mb", "fuses", "batch"),
    *("interval", "trivial", "held_out", "held_out_conv", "held_out_large"),
)
"""Keys that the hash of a device covers, beside `kernels.csv`."""
OPTIONAL_FITTED = ("whole", "lanes", "interval_leaving")
"""Keys that it covers where a device has them."""


@dataclass(frozen=True, slots=True)
class ClassCost:
    """Costs of one kernel class; all are positive, so that no op is free."""

    cls: str
    overhead_us: float
    us_per_mmac: float
    us_per_weight_mb: float
    us_per_activation_mb: float
    us_per_spilled_mb: float
    """For MB that a kernel reads and writes beyond the device's `on_chip_mb`."""
    networks: int
    """Networks of the fit with such a kernel."""
    max_mmacs: float
    max_activation_mb: float
    """The largest kernel of the fit."""

    def us(self, kernel: Kernel, on_chip_mb: float) -> Any:
        """Microseconds of one kernel (elementwise for columns)."""
        work = zip(TERMS, kernel.work(on_chip_mb), strict=True)
        return sum(getattr(self, term) * amount for term, amount in work)


COLUMNS = tuple(field.name for field in fields(ClassCost))
TERMS = COLUMNS[1:6]


def read_kernels(path: Path) -> dict[str, ClassCost]:
    """Read `kernels.csv`; lines that start with # are comments.

    Raises:
        DocumentError: naming file, row and column.
    """
    table: dict[str, ClassCost] = {}
    for row in read_csv(path, COLUMNS, closed=True, by_hand=True):
        cls = row.name("cls", "kernel class", CLASSES)
        if cls in table:
            row.fail("cls", "each class once")
        numbers = {
            name: row.positive(name) if name in TERMS else row.number(name, 0)
            for name in COLUMNS[1:]
        }
        table[cls] = ClassCost(cls, **numbers | {"networks": int(numbers["networks"])})  # type: ignore[arg-type]
    if not table:
        raise DocumentError(f"{path}: expected at least one kernel class")
    return table


def read_info(path: Path) -> dict[str, Any]:
    """Read and check `device.yaml`.

    Raises:
        DocumentError: naming file and key.
    """
    info = yaml.read(path)
    document = read_record(DeviceDocument, info, str(path))
    for key in INTERVALS:
        interval = getattr(document, key)
        if key in info and not interval.low_ratio <= 1 <= interval.high_ratio:
            raise DocumentError(
                f"{path} ({key}): expected low_ratio <= 1 <= high_ratio, found {brief(info[key])}"
            )
    return info


def fitted_hash(info: Mapping[str, Any], *files: Path) -> str:
    """12 hex digits over the fitted content, which any edit by hand changes."""
    digest = sha256(b"".join(file.read_bytes() for file in files))
    digest.update(json.dumps([info.get(key) for key in FITTED]).encode())
    for key in OPTIONAL_FITTED:
        if key in info:
            digest.update(json.dumps(info[key]).encode())
    return digest.hexdigest()[:12]
