"""The two files of a device folder, read strictly: `device.yaml` and `kernels.csv`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from nas.errors import DocumentError, UnknownNameError, brief
from nas.files import yaml
from nas.files.csv import read_csv
from nas.graph.ops import ACTIVATIONS
from nas.latency.correction import STEEPEST, NetworkCorrection
from nas.latency.kernels import BYTES, CLASSES, Kernel

SCHEMA = 1

#: keys of `device.yaml` that hold a text, and what it says
TEXTS = {
    "name": "of the folder",
    "kind": "calibrated, adapted from another device, or profiled",
    "hardware": "the machine, and what of it computes",
    "runtime": "what executes the network",
    "version": "of the runtime",
    "precision": "of weights and activations",
    "statistic": "what a figure is: median of so many runs, ...",
    "date": "when it was made",
}
INTERVAL_KEYS = ("level", "low_ratio", "high_ratio", "coverage_pct", "coverage_across_families_pct")
TRIVIAL_KEYS = ("fixed_ms", "ms_per_mmac", "ms_per_weight_mb")
WHOLE_KEYS = tuple(field.name for field in fields(NetworkCorrection))
ERROR_KEYS = ("median_error_pct", "mean_error_pct")
HELD_OUT_KEYS = ("networks", *ERROR_KEYS, *(f"trivial_{key}" for key in ERROR_KEYS))
SHARE_KEYS = tuple(f"{prefix}within_{n}_pct" for prefix in ("", "trivial_") for n in (5, 10, 20))
MORE_KEYS = {*SHARE_KEYS, "p90_error_pct", "trivial_p90_error_pct", "spearman", "trivial_spearman"}
#: mappings of numbers in `device.yaml`: keys that must stand there, and keys that may
NUMBERS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "interval": (INTERVAL_KEYS, set()),
    "trivial": (TRIVIAL_KEYS, set()),
    "whole": (WHOLE_KEYS, set()),
    "held_out": (HELD_OUT_KEYS, MORE_KEYS),
    "held_out_conv": (HELD_OUT_KEYS, MORE_KEYS),
    "held_out_large": (HELD_OUT_KEYS, MORE_KEYS),
}
REQUIRED = {
    "schema": f"version of this format: {SCHEMA}",
    **TEXTS,
    "threads": "of the CPU; ~ where nobody chooses",
    "batch": "images per invocation; milliseconds are of one image",
    "fixed_ms": "milliseconds of an empty network",
    "on_chip_mb": "what a kernel reads and writes beyond this is spilled",
    "fuses": "what joins the kernel of the convolution or linear layer before it",
    "sources": "where the figures are from",
    "interval": "low_ratio and high_ratio times the estimate are to hold `level` of networks of a"
    " family never seen; coverage: how many of those left out they held",
    "held_out": "errors on networks left out of the fit, one family at a time; trivial_*: of the"
    " model of parameters and MACs alone",
}
OPTIONAL = {
    "held_out_conv": "the same for convolutional networks",
    "held_out_large": "the same for large images",
    "trivial": "the model of parameters and MACs alone",
    "whole": "of a profiled machine: from the sum over kernels to the network",
    "hash": "of what was fitted; after an edit by hand every prediction carries a warning",
    "roadmap": "published steps from one network to another, and what was fitted to them",
    "fit": "how it was made",
    "notes": "free text",
}
FITTED = (
    *("precision", "fixed_ms", "on_chip_mb", "fuses", "batch"),
    *(key for key in NUMBERS if key != "whole"),
)
"""Content of predictions and of the claims about them, beside `kernels.csv` and any `whole`."""
FUSIBLE = (*ACTIVATIONS, "scale", "add")


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
        launches, mmacs, weight_mb, activation_mb, spilled_mb = kernel.work(on_chip_mb)
        return (
            self.overhead_us * launches
            + self.us_per_mmac * mmacs
            + self.us_per_weight_mb * weight_mb
            + self.us_per_activation_mb * activation_mb
            + self.us_per_spilled_mb * spilled_mb
        )


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
    yaml.check_keys(info, str(path), required=REQUIRED.keys(), optional=OPTIONAL.keys())
    if info["schema"] != SCHEMA:
        _fail(path, "schema", info["schema"], str(SCHEMA))
    for key in TEXTS:
        if not isinstance(info[key], str) or not info[key].strip():
            _fail(path, key, info[key], "text")
    if info["precision"] not in BYTES:
        _fail(path, "precision", info["precision"], " or ".join(BYTES))
    for key in ("fixed_ms", "on_chip_mb"):
        _check_number(path, key, info[key], POSITIVE)
    for key in ("batch", "threads"):
        _check_count(path, key, info[key])
    for key in NUMBERS.keys() & info.keys():
        _check_numbers(path, key, info[key])
    interval = info["interval"]
    if not interval["low_ratio"] <= 1 <= interval["high_ratio"]:
        _fail(path, "interval", interval, "low_ratio <= 1 <= high_ratio")
    for key in ("sources", "fuses"):
        if not isinstance(info[key], list) or (key == "sources" and not info[key]):
            _fail(path, key, info[key], "a list")
    for name in info["fuses"]:
        if name not in FUSIBLE:
            raise DocumentError(str(UnknownNameError("fused op", name, FUSIBLE, f"{path} (fuses)")))
    return info


def _check_numbers(path: Path, key: str, content: Any) -> None:
    if not isinstance(content, dict):
        _fail(path, key, content, "a mapping")
    required, optional = NUMBERS[key]
    yaml.check_keys(content, f"{path} ({key})", required=set(required), optional=optional)
    for name, value in content.items():
        _check_number(path, f"{key}.{name}", value, range_of(key, name))


class NumberRange(NamedTuple):
    """Range of a number: above `above`, and from `least` to `most`."""

    above: float = -math.inf
    least: float = 0
    most: float = math.inf


POSITIVE = NumberRange(above=0)
LEVELS = NumberRange(least=0.01, most=0.999)
"""Range of the level of an interval whose ends are quantiles."""


def range_of(key: str, name: str) -> NumberRange:
    """Range of the number `name` in the mapping `key` of NUMBERS."""
    if name.endswith("spearman"):
        return NumberRange(least=-1, most=1)
    if name.startswith(("within", "trivial_within", "coverage")):
        return NumberRange(most=100)
    if name == "exponent":
        return NumberRange(least=-STEEPEST, most=STEEPEST)
    if name == "level":
        return LEVELS
    return POSITIVE if key in ("interval", "whole") else NumberRange()


def _check_number(path: Path, key: str, value: Any, range_: NumberRange) -> None:
    above, least, most = range_
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not (value > above and least <= value <= most):
        to = f" to {most:g}" if most < math.inf else ""
        _fail(path, key, value, f"a number {'above' if above == 0 else 'from'} {least:g}{to}")


def _check_count(path: Path, key: str, value: Any) -> None:
    unknown = key == "threads" and value is None
    if not unknown and (type(value) is not int or value < 1):
        _fail(path, key, value, "a whole number from 1")


def fitted_hash(info: Mapping[str, Any], *files: Path) -> str:
    """12 hex digits over the fitted content, which any edit by hand changes."""
    digest = sha256(b"".join(file.read_bytes() for file in files))
    digest.update(json.dumps([info.get(key) for key in FITTED]).encode())
    if "whole" in info:
        digest.update(json.dumps(info["whole"]).encode())
    return digest.hexdigest()[:12]


def _fail(path: Path, key: str, found: Any, expected: str) -> NoReturn:
    raise DocumentError(f"{path} ({key}): expected {expected}, found {brief(found)}")
