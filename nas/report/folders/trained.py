"""The trained accuracy that a results folder records: of `nas train`, `nas adapt`, `nas search`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.files import yaml
from nas.files.records import between, read_record
from nas.files.resources import BEST, TRAIN_FACTS, TRAINED, exists, named
from nas.report.folders.search import STUDY, read_training
from nas.report.tables.text import count
from nas.space.arch import read_arch
from nas.train.preprocessing import MAX_BYTES


@dataclass(frozen=True, slots=True)
class TrainedTop1:
    """A trained top-1 accuracy in percent, with its 95 % interval."""

    top1: float
    low: float
    high: float
    of: str
    """Data, classes, images, epochs and seeds."""


@dataclass(frozen=True, slots=True)
class _Accuracy:
    top1: float = between(high=100)
    low: float = between(high=100)
    high: float = between(high=100)
    images: int = between(low=1, high=1e12)


@dataclass(frozen=True, slots=True)
class _Data:
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Final:
    """Keys of `train.yaml` that are shown."""

    data: _Data
    test: _Accuracy
    seeds: tuple[int, ...]
    epochs: int = between(low=1, high=1e12)


def read_trained(name: str) -> TrainedTop1 | None:
    """The trained accuracy of a results folder, given as it or its `best.yaml`; None without one.

    Raises:
        DocumentError: a file of the folder is damaged.
    """
    if name in named("architecture") or not exists(Path(name)):
        return None
    folder = Path(name).parent if Path(name).name == BEST else Path(name)
    if not (folder / BEST).is_file():
        return None
    if (path := folder / TRAIN_FACTS).is_file():
        return _of_final(path)
    if (path := folder / STUDY).is_file():
        return _of_search(path)
    return None


def _of_final(path: Path) -> TrainedTop1:
    content: dict[str, Any] = yaml.read(path, MAX_BYTES)
    found = read_record(_Final, content, str(path), closed=False)
    own, data = found.test, found.data.name or "its data"
    made = _made(path.parent / BEST, data, found.epochs, len(found.seeds))
    return TrainedTop1(own.top1, own.low, own.high, f"{made}, {own.images:,} test images")


def _of_search(path: Path) -> TrainedTop1 | None:
    training = read_training(yaml.read(path, MAX_BYTES), path)
    if training is None:
        return None
    own, finals = training.top1, training.finals
    made = _made(path.parent / TRAINED, training.data, finals.epochs, finals.seeds)
    images = f"{own.images:,} {'test' if own.split == 'test' else 'held-out'} images"
    start = f", weights of {training.supernet.path}" if training.supernet else ""
    return TrainedTop1(own.mean, *own.interval_95, f"{made}{start}, {images}")


def _made(table: Path, data: str, epochs: int, seeds: int) -> str:
    """What the network of a table was trained on, and for how long."""
    classes = ""
    if table.is_file():
        last = read_arch(table).rows[-1]
        classes = f", {getattr(last, 'out', '?')} classes" if last.classifies else ""
    of_seeds = f" x {seeds} seeds" if seeds > 1 else ""
    trained = f", {count(epochs, 'epoch')}" if epochs else ""
    return f"{data}{classes}{trained}{of_seeds}"
