"""Parts shared by the readers of all formats: a run, and checked numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nas.devices.measure.timing import median_interval
from nas.devices.measurements import MAX_MS, MIN_MS, Measurement
from nas.errors import DocumentError

NUMBER = r"(\d[\d.]*(?:e[-+]?\d+)?)"
MEAN = "mean: the tool printed no median"


@dataclass(frozen=True, slots=True)
class LogRun:
    """One run in a log."""

    measurement: Measurement
    """`network` is the model's file and `batch` is 1 until the kit and the log are consulted."""
    batch: int | None = None
    """Images per invocation, if the log says so."""


@dataclass(slots=True)
class PrintedRun:
    """A run, filled in line by line while the text that a tool prints is read."""

    model: str = ""
    threads: int | None = None
    batch: int | None = None
    runs: int | None = None
    mean_ms: float | None = None
    median_ms: float | None = None
    place: str = ""

    def as_log_run(self, file: Path, runtime: str, source: str, note: str) -> LogRun:
        """The run with its median if the tool prints it, else with its mean."""
        ms, notes = self.median_ms, [note]
        if ms is None:
            assert self.mean_ms is not None
            ms, notes = self.mean_ms, [MEAN, note]
        row = Measurement(
            network=self.model or file.stem,
            ms=checked_ms(ms, self.place),
            runtime=runtime,
            threads=self.threads,
            runs=self.runs,
            source=source,
            note="; ".join(filter(None, notes)),
            place=self.place,
        )
        return LogRun(row, self.batch)


def get(content: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    """Return the value of a key, of this type; an integer passes for a float."""
    found = content.get(key)
    if kind is float and type(found) is int:
        found = float(found)
    if type(found) is not kind:
        raise DocumentError(f"{where} ({key}): found {found!r}, expected {kind.__name__}")
    return found


def number(text: str, where: str) -> float:
    """Parse a number that a tool printed."""
    try:
        return float(text)
    except ValueError:
        raise DocumentError(f"{where}: found {text!r}, expected a number") from None


def checked_ms(ms: float, where: str) -> float:
    """Return the milliseconds if they are plausible for a network."""
    if not MIN_MS <= ms <= MAX_MS:
        raise DocumentError(f"{where}: found {ms:g} ms, expected {MIN_MS:g} to {MAX_MS:g} ms")
    return ms


def from_samples(row: Measurement, samples_ms: Sequence[float]) -> Measurement:
    """Return the row with the median, interval and 10 % quantile of single runs."""
    values = np.asarray(samples_ms)
    low, high = median_interval(values)
    median, fast = float(np.median(values)), float(np.quantile(values, 0.1))
    return replace(
        row, ms=median, ms_low=low, ms_high=high, ms_fast=fast, runs=len(values), note=""
    )


def models_in(line: str, suffixes: Sequence[str]) -> list[str]:
    """Return the model files named in a line, such as a command or a script's `echo`."""
    endings = "|".join(re.escape(suffix) for suffix in suffixes)
    return re.findall(rf"[^\s\"'=,;]+(?:{endings})(?![\w.])", line)
