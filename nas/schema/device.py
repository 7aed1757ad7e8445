"""Devices: `device.yaml`; the loader also reads the CSV files beside it."""

from __future__ import annotations

from pathlib import Path

from nas.latency.device import EDITED, load_device
from nas.latency.files import DeviceDocument
from nas.schema.kind import Found, kind_of_record


def _load(path: Path) -> Found:
    device = load_device(path)
    error = device.held_out["median_error_pct"]
    holds = EDITED if device.edited else f"median error {error:.1f} % on networks held out"
    return Found("device", device.name, holds)


DEVICE = kind_of_record("device", "Device", "predictors/*/device.yaml", DeviceDocument, _load)
