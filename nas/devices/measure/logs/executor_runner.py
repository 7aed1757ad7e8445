"""ExecuTorch's `executor_runner`, with its "Iteration 1 of 9: 2.5 ms" lines if they are printed."""

from __future__ import annotations

import re
from pathlib import Path

from nas.devices.measure.logs.base import NUMBER, LogRun, checked_ms, from_samples, number
from nas.devices.measurements import Measurement
from nas.errors import DocumentError

_MODEL_FILE = re.compile(r"Model file (.+) is loaded")
_POOL = re.compile(r"Resetting threadpool with num threads = (\d+)")
_ITERATION = re.compile(rf"Iteration \d+ of \d+: {NUMBER} ms")
_EXECUTED = re.compile(rf"executed successfully ([1-9]\d*) time\(s\) in {NUMBER} ms")


def _is_log(text: str) -> bool:
    return bool(_MODEL_FILE.search(text)) or "Model executed" in text


def _read(text: str, file: Path) -> list[LogRun]:
    rows: list[LogRun] = []
    model, threads, samples = file.stem, None, list[float]()
    for line_number, line in enumerate(text.splitlines(), 1):
        place = f"{file} line {line_number}"
        if found := _MODEL_FILE.search(line):
            model, samples = found[1], []
        elif found := _POOL.search(line):
            threads = int(found[1])
        elif found := _ITERATION.search(line):
            samples.append(checked_ms(number(found[1], place), place))
        elif found := _EXECUTED.search(line):
            row = Measurement(
                network=model,
                ms=checked_ms(number(found[2], place) / int(found[1]), place),
                runtime="executorch",
                threads=threads,
                runs=int(found[1]),
                source="ExecuTorch executor_runner",
                note="mean: no times of iterations were printed",
                place=place,
            )
            rows.append(LogRun(from_samples(row, samples) if samples else row))
    if not rows:
        raise DocumentError(f"{file}: no line 'Model executed successfully N time(s) in T ms'")
    return rows


EXECUTOR_RUNNER = (_is_log, _read)
