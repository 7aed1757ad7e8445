"""Qualcomm AI Hub: the JSON of `ProfileJob.download_profile()`, with times in microseconds.

It names neither the model nor the phone nor the runtime, so the file's name stands for the model,
and the compute units that executed its layers are noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nas.devices.measure.logs.base import LogRun, checked_ms, from_samples, get
from nas.devices.measurements import Measurement
from nas.errors import DocumentError

SOURCE = "Qualcomm AI Hub profile"


def read(content: Mapping[str, Any], file: Path) -> LogRun:
    """Read the median of all inferences, or the hub's estimate if none is listed."""
    where = str(file)
    summary = get(content, "execution_summary", dict, where)
    times_us = summary.get("all_inference_times") or []
    if not isinstance(times_us, list) or not all(type(us) in (int, float) for us in times_us):
        raise DocumentError(f"{where} (all_inference_times): expected a list of microseconds")
    row = Measurement(network=file.stem, ms=1.0, source=_source(content), place=where)
    if times_us:
        return LogRun(from_samples(row, [checked_ms(us / 1000, where) for us in times_us]))
    ms = checked_ms(get(summary, "estimated_inference_time", float, where) / 1000, where)
    return LogRun(replace(row, ms=ms, note="the hub's estimate: no times are listed"))


def _source(content: Mapping[str, Any]) -> str:
    """Describe the compute units of the layers, busiest first: `NPU 61, CPU 2`."""
    detail = content.get("execution_detail")
    layers = [each for each in detail if isinstance(each, dict)] if isinstance(detail, list) else []
    units = Counter(str(each["compute_unit"]).upper() for each in layers if "compute_unit" in each)
    shown = ", ".join(unit for unit, _ in units.most_common())
    return f"{SOURCE}, {shown}" if shown else SOURCE
