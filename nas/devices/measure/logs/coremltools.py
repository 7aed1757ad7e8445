"""The JSON that a kit's `benchmark.py` writes for a coremltools `MLModelBenchmarker.Measurement`.

Performance reports exported by Xcode are not supported: their format is undocumented.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.devices.measure.logs.base import LogRun, checked_ms, from_samples, get
from nas.devices.measurements import Measurement
from nas.errors import DocumentError


def read(content: Mapping[str, Any], file: Path) -> LogRun:
    """Read the run of one file."""
    where = str(file)
    measurement = get(content, "measurement", dict, where)
    samples = get(measurement, "samples", list, where)
    if not samples or not all(isinstance(ms, float) for ms in samples):
        raise DocumentError(f"{where} (samples): expected milliseconds, at least one")
    units = get(content, "compute_units", str, where)
    row = Measurement(
        network=get(content, "model", str, where),
        ms=1.0,
        device=get(content, "device", str, where),
        runtime="coreml",
        version=get(content, "os_version", str, where),
        source=f"coremltools MLModelBenchmarker, {units}",
        date=get(content, "date", str, where),
        place=where,
    )
    return LogRun(from_samples(row, [checked_ms(ms, where) for ms in samples]))
