"""`litert-benchmark --result_json`, which comes with ai-edge-litert."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.devices.measure.logs.base import LogRun, checked_ms, get
from nas.devices.measurements import Measurement


def read(content: Mapping[str, Any], file: Path) -> LogRun:
    """Read the run of one result file."""
    where = str(file)
    latency = get(content, "latency", dict, where)
    accelerators = [str(name).lower() for name in get(content, "accelerators", list, where)]
    row = Measurement(
        network=get(content, "model", str, where),
        ms=checked_ms(get(latency, "median_ms", float, where), where),
        runtime="-".join(("litert", *(name for name in accelerators if name != "cpu"))),
        threads=get(content, "num_threads", int, where),
        runs=get(latency, "num_runs", int, where),
        source="litert-benchmark",
        place=where,
    )
    return LogRun(row)
