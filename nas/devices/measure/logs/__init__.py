"""Readers of the runtimes' benchmark logs, one file per format; a new format is one entry below."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nas.devices.measure.logs import ai_hub, coremltools, litert_benchmark
from nas.devices.measure.logs.base import LogRun
from nas.devices.measure.logs.benchmark_model import BENCHMARK_MODEL
from nas.devices.measure.logs.executor_runner import EXECUTOR_RUNNER
from nas.devices.measure.logs.perf_test import PERF_TEST
from nas.errors import DocumentError

#: what prints text -> whether a text is its log, and its runs
TEXT: Mapping[str, tuple[Callable[[str], bool], Callable[[str, Path], list[LogRun]]]] = {
    "benchmark_model": BENCHMARK_MODEL,
    "onnxruntime_perf_test": PERF_TEST,
    "executor_runner": EXECUTOR_RUNNER,
}

#: what writes JSON -> the key that tells its files, and the run of one
JSON: Mapping[str, tuple[str, Callable[[Mapping[str, Any], Path], LogRun]]] = {
    "litert-benchmark": ("latency", litert_benchmark.read),
    "a kit's benchmark.py": ("measurement", coremltools.read),
    "a profile of Qualcomm AI Hub": ("execution_summary", ai_hub.read),
}

KNOWN = ", ".join((*TEXT, *JSON))


def read_log(text: str, file: Path) -> list[LogRun]:
    """Read all runs of a log.

    Raises:
        DocumentError: the format is unknown, or with file and line of what is malformed.
    """
    if text.lstrip()[:1] in ("{", "["):
        found = _json(text, file)
        return [_read_json(each, file) for each in (found if isinstance(found, list) else [found])]
    for is_log, read in TEXT.values():
        if is_log(text):
            return read(text, file)
    raise DocumentError(f"{file}: not the output of {KNOWN}, or a CSV of ours")


def _json(text: str, file: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{file}: not readable as JSON: {error}") from None


def _read_json(content: Any, file: Path) -> LogRun:
    for key, read in JSON.values():
        if isinstance(content, dict) and key in content:
            return read(content, file)
    raise DocumentError(f"{file}: not the output of {KNOWN}")
