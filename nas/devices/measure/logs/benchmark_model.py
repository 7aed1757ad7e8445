"""TFLite's and LiteRT's `benchmark_model`, and the table that `litert-benchmark` prints.

The old tool ends with microseconds ("Inference timings in us"), that of LiteRT's CompiledModel with
milliseconds ("Inference (avg): 8.05 ms (123 runs)"), rounded; the statistics line above is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from nas.devices.measure.logs.base import NUMBER, LogRun, PrintedRun, number
from nas.devices.measure.logs.delegates import Delegates
from nas.errors import DocumentError

AGREE = 0.01
"""Largest relative difference of the mean and that of the statistics line, besides rounding."""
ROUNDED_MS = 0.005

_GRAPH = re.compile(r"Graph: \[(.+)\]|Loaded model (\S.*\S)\s*$")
_THREADS = re.compile(
    r"(?:Num threads: |#threads used for CPU inference: )\[(\d+)\]", re.IGNORECASE
)
_SHAPES = re.compile(r"Input shapes: \[(\d+)(?:,\d+){3}[\]:]")
_STATISTICS = re.compile(
    rf"count=(\d+)\b(?:.* avg={NUMBER} std=\S+(?: p5=\S+ median={NUMBER})?| curr={NUMBER})"
)
_TIMINGS = re.compile(rf"timings in us: .*(?:Inference \(avg\)|Inference|no stats): {NUMBER}\s*$")
_TABLE = re.compile(rf"Inference \((avg|median)\): +{NUMBER} ms(?: \((\d+) runs\))?")
_OPERATORS = "Timings (microseconds)"
_RESULT = "timings in us"


@dataclass(slots=True)
class _Statistics:
    """The last statistics line; the warm-up's come before it."""

    count: int
    mean_us: float
    median_us: float | None


@dataclass(slots=True)
class _Run(PrintedRun):
    delegates: Delegates = field(default_factory=Delegates)
    statistics: _Statistics | None = None
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether its result has been printed."""
        return self.mean_ms is not None


def _is_log(text: str) -> bool:
    return "Graph: [" in text or _RESULT in text or bool(_TABLE.search(text))


def _read(text: str, file: Path) -> list[LogRun]:
    runs, run = list[_Run](), _Run()
    for line_number, line in enumerate(text.splitlines(), 1):
        if _opens(line, run):
            runs.append(run)
            run = _Run()
        _take(run, line, f"{file} line {line_number}")
    runs = [each for each in [*runs, run] if each.model or each.ended]
    for each in runs:
        if not each.ended:
            raise DocumentError(
                f"{each.place}: the run of {each.model} has no line"
                " 'Inference timings in us' or 'Inference (avg): T ms'"
                + (f"; it says: {each.error}" if each.error else "")
            )
    unnamed = sum(not each.model for each in runs)
    if unnamed and len(runs) > 1:
        raise DocumentError(
            f"{file}: {unnamed} of {len(runs)} runs do not say which model they ran;"
            " expected a line 'Graph: [FILE]' in each, or a file for each, named after its model"
        )
    return [
        run.as_log_run(file, run.delegates.runtime, "TFLite benchmark_model", run.delegates.note)
        for run in runs
    ]


def _opens(line: str, run: _Run) -> bool:
    """Whether a line starts the next run."""
    if "STARTING!" in line:
        return True
    graph = _GRAPH.search(line)
    if graph and run.model and (run.ended or graph[1]):
        return True
    again = _RESULT in line or bool((table := _TABLE.search(line)) and table[1] == "avg")
    return run.ended and (again or "Initialized session" in line)


def _take(run: _Run, line: str, place: str) -> None:
    if found := _GRAPH.search(line):
        run.model, run.place = run.model or found[1] or found[2], run.place or place
    elif found := _THREADS.search(line):
        run.threads = int(found[1]) or None
    elif found := _SHAPES.search(line):
        run.batch = int(found[1]) or None
    elif _OPERATORS not in line and (found := _STATISTICS.search(line)):
        run.statistics = _statistics(found, place)
    elif _RESULT in line:
        run.mean_ms, run.place = _timings_ms(line, place), place
        _check(run, place)
    elif found := _TABLE.search(line):
        _take_table(run, found, place)
    elif "ERROR" in line or "failed" in line:
        run.error = run.error or line.strip()
    run.delegates.take(line)


def _take_table(run: _Run, found: re.Match[str], place: str) -> None:
    ms = number(found[2], place)
    if found[1] == "median":
        run.median_ms = ms
        return
    run.mean_ms, run.place = ms, place
    run.runs = int(found[3]) if found[3] else None
    _check(run, place)


def _statistics(found: re.Match[str], place: str) -> _Statistics:
    """Parse statistics; the tool prints `curr` alone if all runs took the same time."""
    count, mean, median, current = found.groups()
    if current:
        return _Statistics(int(count), number(current, place), number(current, place))
    exact = number(median, place) if median else None
    return _Statistics(int(count), number(mean, place), exact)


def _timings_ms(line: str, place: str) -> float:
    if found := _TIMINGS.search(line):
        return number(found[1], place) / 1000
    raise DocumentError(
        f"{place}: found {line.strip()!r}, expected it to end with"
        " 'Inference (avg): ' and microseconds"
    )


def _check(run: _Run, place: str) -> None:
    """Check that the result agrees with the statistics above it."""
    if run.statistics is None or run.mean_ms is None:
        return
    mean_ms = run.statistics.mean_us / 1000
    if abs(mean_ms - run.mean_ms) > max(AGREE * run.mean_ms, ROUNDED_MS):
        raise DocumentError(
            f"{place}: the mean is {1000 * run.mean_ms:g} us, but"
            f" avg={run.statistics.mean_us:g} in the statistics above"
        )
    run.runs = run.statistics.count
    if run.statistics.median_us:
        run.median_ms = run.statistics.median_us / 1000


BENCHMARK_MODEL = (_is_log, _read)
