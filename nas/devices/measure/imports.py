"""Imports measurements from the logs of the runtimes' own benchmark tools.

`nas.devices.measure.logs` holds the formats. A log may be UTF-8 or UTF-16 (as from PowerShell's
`>`), with any line ends, terminal colours, and invalid bytes in file names.
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
from nas.files.text import read_text
from nas.files.yaml import read

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
class KitModel:
    """Columns of a measurement that are known of a model in advance."""

    network: str
    arch_id: str
    precision: str
    batch: int


@dataclass(frozen=True, slots=True)
class _Manifest:
    """Keys of `kit.yaml`."""

    schema: Any
    device_os: Any
    models: Mapping[str, KitModel]
    images: Any = None


def import_measurements(files: Sequence[Path], device: str = "") -> list[Measurement]:
    """Read all runs of all files and merge repeats; `device` applies to runs that name none.

    The kit's manifest, beside the file or one folder up, says which network a model is. Without a
    manifest the file name does.

    Raises:
        DocumentError: a line is malformed, or a file is given twice.
        UnknownNameError: a model is not in the kit.
    """
    for file in files:
        if files.count(file) > 1:
            raise DocumentError(f"{file} is given twice; expected each file once")
    rows = [row for file in files for row in _read(file)]
    return merge_repeats([row if row.device else replace(row, device=device) for row in rows])


def _read(file: Path) -> list[Measurement]:
    if file.suffix.lower() == ".csv":
        return read_measurements(file)
    text = _COLOUR.sub("", read_text(file, MAX_BYTES, errors="replace"))
    return [_of_kit(run, file.parent) for run in read_log(text, file)]


def _of_kit(run: LogRun, folder: Path) -> Measurement:
    """Add what the kit says about the model; a batch size in the log takes precedence."""
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
            return replace(row, **asdict(models[file]) | told)
    return replace(row, network=_stem(name), **told)


def _stem(file: str) -> str:
    """`repvit-m0.9` of repvit-m0.9.onnx, and of itself."""
    name = PureWindowsPath(file)
    return name.stem if name.suffix in MODEL_SUFFIXES else name.name


def read_kit(path: Path) -> Mapping[str, KitModel]:
    """Read a kit's manifest: model file -> known columns of its measurement.

    Raises:
        DocumentError: the file is not a manifest.
    """
    return read_record(_Manifest, read(path), str(path)).models
