"""Reads what the runtimes' own benchmarks print on a phone into measurements.

Formats are in `nas.devices.measure.logs`. A log is read as tools and terminals leave it: UTF-8 or
UTF-16 (PowerShell's `>`), any line ends, colours, bytes that are no text in the names of files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any

from nas.devices.measure.logs import read_log
from nas.devices.measure.logs.base import LogRun
from nas.devices.measurements import MAX_BYTES, Measurement, merge_repeats, read_measurements
from nas.errors import DocumentError, UnknownNameError
from nas.files.records import read_record
from nas.files.yaml import read, read_text

KIT = "kit.yaml"
MODEL_SUFFIXES = (
    ".tflite",
    ".lite",
    ".onnx",
    ".ort",
    ".pte",
    ".mlpackage",
    ".mlmodel",
    ".mlmodelc",
)

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class _Model:
    """Columns of a measurement that a manifest gives."""

    network: str
    arch_id: str
    precision: str
    batch: int


@dataclass(frozen=True, slots=True)
class _Manifest:
    """Keys of `kit.yaml`."""

    schema: Any
    device_os: Any
    models: Mapping[str, _Model]
    images: Any = None


def import_measurements(files: Sequence[Path], device: str = "") -> list[Measurement]:
    """All runs of all files, repeats merged; `device` where a file does not say.

    A model is known by the kit's manifest beside the file or one folder up, else by its file name.

    Raises:
        DocumentError: with file and line of what is malformed, or a file is given twice.
        UnknownNameError: a model that is not of the kit.
    """
    for file in files:
        if files.count(file) > 1:
            raise DocumentError(f"{file} again, as in the files before it; expected each once")
    rows = [row for file in files for row in _read(file)]
    return merge_repeats([row if row.device else replace(row, device=device) for row in rows])


def _read(file: Path) -> list[Measurement]:
    if file.suffix.lower() == ".csv":
        return read_measurements(file)
    text = _COLOUR.sub("", read_text(file, MAX_BYTES, errors="replace"))
    return [_of_kit(run, file.parent) for run in read_log(text, file)]


def _of_kit(run: LogRun, folder: Path) -> Measurement:
    """With what the kit knows of the model; the batch that a log tells is that of the run."""
    row = run.measurement
    told: dict[str, Any] = {} if run.batch is None else {"batch": run.batch}
    name = PureWindowsPath(row.network).name  # takes / as well
    for place in (folder / KIT, folder.parent / KIT):
        if place.is_file():
            models = read_kit(place)
            by_stem = {_stem(file): file for file in models}
            file = by_stem.get(name, name)
            if file not in models:
                raise UnknownNameError("model", name, models, row.place)
            return replace(row, **models[file] | told)
    return replace(row, network=_stem(name), **told)


def _stem(file: str) -> str:
    """`repvit-m0.9` of repvit-m0.9.onnx, and of itself."""
    name = PureWindowsPath(file)
    return name.stem if name.suffix in MODEL_SUFFIXES else name.name


def read_kit(path: Path) -> dict[str, dict[str, Any]]:
    """The columns of a measurement that a kit's manifest knows, by file of a model.

    Raises:
        DocumentError: it is none.
    """
    document = read_record(_Manifest, read(path), str(path))
    return {file: asdict(model) for file, model in document.models.items()}
