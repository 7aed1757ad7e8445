"""Reads what the runtimes' own benchmarks print on a phone into measurements.

TFLite's `benchmark_model` (tensorflow/lite/tools/benchmark), `litert-benchmark --result_json`,
ExecuTorch's `executor_runner` (its "Iteration 1 of 9: 2.5 ms" lines), and the JSON that a kit's
`benchmark.py` writes of a coremltools `MLModelBenchmarker.Measurement`. The performance report
that Xcode exports is left out: its format is not documented.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from nas.document import check_keys, read, read_text
from nas.errors import DocumentError, UnknownNameError
from nas.measure.timing import median_interval
from nas.measurements import (
    MAX_BYTES,
    MAX_MS,
    MIN_MS,
    Measurement,
    check_distinct,
    read_measurements,
)

KIT = "kit.yaml"
KIT_COLUMNS = {"network": str, "arch_id": str, "precision": str, "batch": int}
"""Of a measurement, that its manifest gives."""
KNOWN = "benchmark_model, litert-benchmark, executor_runner, a kit's benchmark.py, or a CSV of ours"

_NUMBER = r"(\d[\d.]*(?:e[-+]?\d+)?)"
_GRAPH = re.compile(r"Graph: \[(.+)\]")
_THREADS = re.compile(r"(?:Num threads: |#threads used for CPU inference: )\[(\d+)\]")
_DELEGATE = re.compile(r"Use (gpu|nnapi|hexagon)\s*: \[1\]", re.IGNORECASE)
_STATISTICS = re.compile(
    rf"count=(\d+)\b.* avg={_NUMBER} std={_NUMBER}(?: p5={_NUMBER} median={_NUMBER})?"
)
_TIMINGS = re.compile(rf"timings in us: .*(?:Inference \(avg\)|Inference|no stats): {_NUMBER}\s*$")
_MODEL_FILE = re.compile(r"Model file (.+) is loaded")
_POOL = re.compile(r"Resetting threadpool with num threads = (\d+)")
_ITERATION = re.compile(rf"Iteration \d+ of \d+: {_NUMBER} ms")
_EXECUTED = re.compile(rf"executed successfully ([1-9]\d*) time\(s\) in {_NUMBER} ms")


def import_measurements(files: Sequence[Path], device: str = "") -> list[Measurement]:
    """All runs of all files; `device` where a file does not say.

    A model is known by the kit's manifest beside the file or one folder up, else by its file name.

    Raises:
        DocumentError: with file and line of what is malformed.
        UnknownNameError: a model that is not of the kit.
    """
    rows = [row for file in files for row in _read(file)]
    check_distinct(rows)
    return [row if row.device else replace(row, device=device) for row in rows]


def _read(file: Path) -> list[Measurement]:
    if file.suffix == ".csv":
        return read_measurements(file)
    text = read_text(file, MAX_BYTES)
    if text.lstrip().startswith("{"):
        rows = [_from_json(text, file)]
    elif "Graph: [" in text or "timings in us" in text:
        rows = _benchmark_model(text, file)
    elif _MODEL_FILE.search(text) or "Model executed" in text:
        rows = _executor_runner(text, file)
    else:
        raise DocumentError(f"{file}: not the output of {KNOWN}")
    return [_of_kit(row, file.parent) for row in rows]


@dataclass(slots=True)
class _Run:
    """What a log has said of a run so far."""

    model: str = ""
    threads: int | None = None
    delegate: str = ""
    statistics: re.Match[str] | None = None
    error: str = ""
    place: str = ""


def _benchmark_model(text: str, file: Path) -> list[Measurement]:
    rows, run = [], _Run()
    for number, line in enumerate(text.splitlines(), 1):
        if "STARTING!" in line or (run.model and _GRAPH.search(line)):
            _check_ended(run)
            run = _Run()
        if found := _GRAPH.search(line):
            run.model, run.place = found[1], f"{file} line {number}"
        elif found := _THREADS.search(line):
            run.threads = int(found[1])
        elif found := _DELEGATE.search(line):
            run.delegate = f"-{found[1].lower()}"
        elif found := _STATISTICS.search(line):
            run.statistics = found
        elif "timings in us" in line:
            rows.append(_timed(replace(run, place=f"{file} line {number}"), line, file))
            run = _Run()
        elif "ERROR" in line or "failed" in line:
            run.error = run.error or line.strip()
    _check_ended(run)
    return rows


def _check_ended(run: _Run) -> None:
    if run.model:
        raise DocumentError(
            f"{run.place}: the run of {run.model} has no line 'Inference timings in us'"
            + (f"; it says: {run.error}" if run.error else "")
        )


def _timed(run: _Run, line: str, file: Path) -> Measurement:
    """The median, where the tool is new enough to print it, else the mean."""
    timings = _TIMINGS.search(line)
    if not timings:
        raise DocumentError(
            f"{run.place}: found {line.strip()!r}, expected it to end with"
            " 'Inference (avg): ' and microseconds"
        )
    mean_us = _float(timings[1], run.place)
    runs, median_us = None, None
    if run.statistics:
        count, avg, _, _, median = run.statistics.groups()
        if abs(_float(avg, run.place) - mean_us) > 0.01 * mean_us:
            raise DocumentError(
                f"{run.place}: the mean is {mean_us:g} us, but avg={avg} in the statistics above"
            )
        runs, median_us = int(count), median and _float(median, run.place)
    return Measurement(
        network=run.model or file.stem,
        ms=_ms((median_us or mean_us) / 1000, run.place),
        runtime="litert" + run.delegate,
        threads=run.threads,
        runs=runs,
        source="TFLite benchmark_model",
        note="" if median_us else "mean: the tool printed no median",
        place=run.place,
    )


def _executor_runner(text: str, file: Path) -> list[Measurement]:
    rows: list[Measurement] = []
    run, samples = _Run(file.stem), list[float]()
    for number, line in enumerate(text.splitlines(), 1):
        place = f"{file} line {number}"
        if found := _MODEL_FILE.search(line):
            run.model, samples = found[1], []
        elif found := _POOL.search(line):
            run.threads = int(found[1])
        elif found := _ITERATION.search(line):
            samples.append(_ms(_float(found[1], place), place))
        elif found := _EXECUTED.search(line):
            row = Measurement(
                network=run.model,
                ms=_ms(_float(found[2], place) / int(found[1]), place),
                runtime="executorch",
                threads=run.threads,
                runs=int(found[1]),
                source="ExecuTorch executor_runner",
                note="mean: no times of iterations were printed",
                place=place,
            )
            rows.append(_from_samples(row, samples) if samples else row)
    if not rows:
        raise DocumentError(f"{file}: no line 'Model executed successfully N time(s) in T ms'")
    return rows


def _from_json(text: str, file: Path) -> Measurement:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{file}: not readable as JSON: {error}") from None
    if "latency" in content:
        return _litert_benchmark(content, str(file))
    if "measurement" in content:
        return _coremltools(content, str(file))
    raise DocumentError(f"{file}: not the output of {KNOWN}")


def _litert_benchmark(content: Mapping[str, Any], where: str) -> Measurement:
    latency = _get(content, "latency", dict, where)
    accelerators = [str(name).lower() for name in _get(content, "accelerators", list, where)]
    return Measurement(
        network=_get(content, "model", str, where),
        ms=_ms(_get(latency, "median_ms", float, where), where),
        runtime="-".join(("litert", *(name for name in accelerators if name != "cpu"))),
        threads=_get(content, "num_threads", int, where),
        runs=_get(latency, "num_runs", int, where),
        source="litert-benchmark",
        place=where,
    )


def _coremltools(content: Mapping[str, Any], where: str) -> Measurement:
    measurement = _get(content, "measurement", dict, where)
    samples = _get(measurement, "samples", list, where)
    if not samples or not all(isinstance(ms, float) for ms in samples):
        raise DocumentError(f"{where} (samples): expected milliseconds, at least one")
    units = _get(content, "compute_units", str, where)
    row = Measurement(
        network=_get(content, "model", str, where),
        ms=1.0,
        device=_get(content, "device", str, where),
        runtime="coreml",
        version=_get(content, "os_version", str, where),
        source=f"coremltools MLModelBenchmarker, {units}",
        date=_get(content, "date", str, where),
        place=where,
    )
    return _from_samples(row, [_ms(ms, where) for ms in samples])


def _from_samples(row: Measurement, samples_ms: Sequence[float]) -> Measurement:
    values = np.asarray(samples_ms)
    low, high = median_interval(values)
    median, fast = float(np.median(values)), float(np.quantile(values, 0.1))
    return replace(
        row, ms=median, ms_low=low, ms_high=high, ms_fast=fast, runs=len(values), note=""
    )


def _of_kit(row: Measurement, folder: Path) -> Measurement:
    """With what the kit knows of the model; `row.network` is its file so far."""
    name = PurePosixPath(row.network).name
    for place in (folder / KIT, folder.parent / KIT):
        if place.is_file():
            models = read_kit(place)
            by_stem = {PurePosixPath(file).stem: file for file in models}
            file = by_stem.get(name, name)
            if file not in models:
                raise UnknownNameError("model", name, models, row.place)
            return replace(row, **models[file])
    return replace(row, network=PurePosixPath(name).stem)


def read_kit(path: Path) -> dict[str, dict[str, Any]]:
    """The columns of a measurement that a kit's manifest knows, by file of a model.

    Raises:
        DocumentError: it is none.
    """
    content = read(path)
    check_keys(content, str(path), required={"schema", "device_os", "models"})
    models: dict[str, dict[str, Any]] = _get(content, "models", dict, str(path))
    for file in models:
        where = f"{path} ({file})"
        check_keys(_get(models, file, dict, str(path)), where, required={*KIT_COLUMNS})
        for column, kind in KIT_COLUMNS.items():
            _get(models[file], column, kind, where)
    return models


def _get(content: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    found = content.get(key)
    if kind is float and type(found) is int:
        found = float(found)
    if type(found) is not kind:
        raise DocumentError(f"{where} ({key}): found {found!r}, expected {kind.__name__}")
    return found


def _float(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DocumentError(f"{where}: found {text!r}, expected a number") from None


def _ms(ms: float, where: str) -> float:
    if not MIN_MS <= ms <= MAX_MS:
        raise DocumentError(f"{where}: found {ms:g} ms, expected {MIN_MS:g} to {MAX_MS:g} ms")
    return ms
