"""Devices: `device.yaml`; the loader also reads the CSV files beside it."""

from __future__ import annotations

import math
from pathlib import Path

from nas.latency.device import EDITED, load_device
from nas.latency.files import (
    FUSIBLE,
    NUMBERS,
    OPTIONAL,
    POSITIVE,
    REQUIRED,
    SCHEMA,
    TEXTS,
    NumberRange,
    range_of,
)
from nas.latency.kernels import BYTES
from nas.schema.kind import TEXT, Found, Kind, Schema, closed, described


def _number(within: NumberRange) -> Schema:
    ends = {"exclusiveMinimum": within.above, "minimum": within.least, "maximum": within.most}
    return {"type": "number", **{key: end for key, end in ends.items() if math.isfinite(end)}}


def _numbers(key: str) -> Schema:
    required, optional = NUMBERS[key]
    names = (*required, *sorted(optional))
    return closed(
        {"properties": {name: _number(range_of(key, name)) for name in names}}, set(required)
    )


def _content() -> Schema:
    count: Schema = {"type": "integer", "minimum": 1}
    properties: dict[str, Schema] = {
        **dict.fromkeys(TEXTS, TEXT),
        **{key: _numbers(key) for key in NUMBERS},
        "schema": {"const": SCHEMA},
        "precision": {"enum": list(BYTES)},
        "threads": {**count, "type": ["integer", "null"]},
        "batch": count,
        "fixed_ms": _number(POSITIVE),
        "on_chip_mb": _number(POSITIVE),
        "fuses": {"type": "array", "items": {"enum": list(FUSIBLE)}},
        "sources": {"type": "array", "minItems": 1},
    }
    return {"properties": described(REQUIRED | OPTIONAL, properties)}


def _load(path: Path) -> Found:
    device = load_device(path)
    error = device.held_out["median_error_pct"]
    holds = EDITED if device.edited else f"median error {error:.1f} % on networks held out"
    return Found("device", device.name, holds)


DEVICE = Kind(
    "device",
    "Device",
    "predictors/*/device.yaml",
    REQUIRED.keys(),
    OPTIONAL.keys(),
    _content,
    _load,
)
