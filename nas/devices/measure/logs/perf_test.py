"""`onnxruntime_perf_test`: seconds per percentile with `-s`, and a mean in milliseconds without.

It does not print the model. A command or a script's `echo` in the log may name it; otherwise the
file's name does, and the file must hold a single run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nas.devices.measure.logs.base import NUMBER, LogRun, PrintedRun, models_in, number
from nas.errors import DocumentError

SUFFIXES = (".onnx", ".ort")
MS = {"s": 1000.0, "ms": 1.0}

_THREADS = re.compile(r"Setting intra_op_num_threads to ([1-9]\d*)")
_RUNS = re.compile(r"(?:Total inference requests|^\s*Runs): ?([1-9]\d*)")
_MEAN = re.compile(rf"Average inference time cost(?: total)?: {NUMBER} (ms|s)\b")
_MEDIAN = re.compile(rf"P50 Latency: {NUMBER} (ms|s)\b")
_PROVIDER = re.compile(
    r"onnxruntime_perf_test\b.*\s-e ?(\w+)|[Uu]sing (\w+?)_?ExecutionProvider", re.IGNORECASE
)
_BEGINS = "Session creation time cost"


@dataclass(slots=True)
class _Run(PrintedRun):
    provider: str = ""


def _is_log(text: str) -> bool:
    return bool(_MEAN.search(text)) or (_BEGINS in text and "inference time cost" in text)


def _read(text: str, file: Path) -> list[LogRun]:
    runs, run = list[_Run](), _Run()
    for line_number, line in enumerate(text.splitlines(), 1):
        place = f"{file} line {line_number}"
        if _opens(line) and run.mean_ms is not None:
            runs.append(run)
            run = _Run()
        _take(run, line, place)
    runs = [*runs, run] if run.mean_ms is not None else runs
    if not runs:
        raise DocumentError(f"{file}: no line 'Average inference time cost: T ms'")
    if len(runs) > 1 and not all(run.model for run in runs):
        raise DocumentError(
            f"{file}: holds {len(runs)} runs but names no models;"
            " expected one file per model, named after it"
        )
    return [_log_run(run, file) for run in runs]


def _opens(line: str) -> bool:
    """Whether a line belongs to the next run."""
    return bool(_THREADS.search(line) or _BEGINS in line or models_in(line, SUFFIXES))


def _take(run: _Run, line: str, place: str) -> None:
    if found := models_in(line, SUFFIXES):
        run.model = found[0]
    if told := _PROVIDER.search(line):
        run.provider = (told[1] or told[2]).lower()
    if told := _THREADS.search(line):
        run.threads = int(told[1])
    elif told := _RUNS.search(line):
        run.runs = int(told[1])
    elif told := _MEAN.search(line):
        run.mean_ms, run.place = round(number(told[1], place) * MS[told[2]], 9), place
    elif told := _MEDIAN.search(line):
        run.median_ms = round(number(told[1], place) * MS[told[2]], 9)


def _log_run(run: _Run, file: Path) -> LogRun:
    runtime = "-".join(["onnxruntime", *({run.provider} - {"", "cpu"})])
    note = "" if run.provider else "the log names no execution provider"
    return run.as_log_run(file, runtime, "onnxruntime_perf_test", note)


PERF_TEST = (_is_log, _read)
