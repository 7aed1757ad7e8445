"""Read the folder of `nas search`, as `nas.report.folders.write_search` writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.accuracy import AccuracyEstimate
from nas.accuracy.selection import CorrectedEstimate
from nas.errors import DocumentError
from nas.files import yaml
from nas.files.csv import CsvRow, read_csv
from nas.files.records import optional, read_record, some_of
from nas.files.resources import BEST
from nas.files.text import read_text
from nas.optimize import Candidate
from nas.optimize.result import BestPublished
from nas.report.folders.write_search import CORRECTION_COLUMNS, INHERITED, PARETO_COLUMNS
from nas.space.arch import Arch, read_arch
from nas.train.preprocessing import MAX_BYTES, Preprocessing, read_preprocessing

STUDY = "study.yaml"
TRIAL_COLUMNS = ("name", "state", "predicted_ms", "estimated_top1", "error")
AFTER_EPOCH = re.compile(r"trained_top1_epoch(\d+)")


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    hash: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class _Other(_Named):
    budget_ms: float = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class _Finals:
    epochs: int
    seeds: int
    finalists: int


@dataclass(frozen=True, slots=True)
class _Top1:
    mean: float
    interval_95: tuple[float, float]
    images: int
    split: str = "validation"
    """Of the images: `test`, if a supernet judged the candidates on the validation images."""


@dataclass(frozen=True, slots=True)
class _Supernet:
    path: str


@dataclass(frozen=True, slots=True)
class _AsTrained:
    classes: int
    input: tuple[int, int, int]
    predicted_ms: float


@dataclass(frozen=True, slots=True)
class _Training:
    data: str
    recipe: str
    strategy: str
    finals: _Finals
    top1: _Top1
    rungs: tuple[tuple[int, int], ...] = some_of()
    as_trained: _AsTrained = optional()
    supernet: _Supernet = optional()


@dataclass(frozen=True, slots=True)
class StudyDocument:
    """Keys of `study.yaml` that a page needs."""

    command: str
    date: str
    versions: Mapping[str, Any]
    seed: int
    budget_ms: float
    caution: float
    space: _Named
    device: _Named
    surrogate: _Named
    best: str
    optimality_gap: float
    priced: int
    judged: int
    seconds: float
    confidence: float | None = None
    others: tuple[_Other, ...] = some_of(default=())
    limits: Mapping[str, Any] = optional()
    avoided: tuple[str, ...] = some_of(default=())
    training: _Training = optional()


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A row of `trials.csv`: one trained candidate."""

    name: str
    state: str
    predicted_ms: float
    estimated_top1: float
    trained: Mapping[int, float]
    """Epoch -> top-1 on the validation images; 0: with inherited weights."""
    finals: tuple[float, ...]
    """Top-1 of the final trainings, one for each seed."""
    error: str


@dataclass(frozen=True, slots=True)
class SearchFolder:
    """The content of a search's folder."""

    folder: Path
    study: Mapping[str, Any]
    best: Arch
    yaml: str
    """The text of the best network's file."""
    front: tuple[Candidate, ...]
    """The front, fastest first on the search's device."""
    within: Mapping[str, float]
    """`arch_id` -> probability that the network meets the budget."""
    trials: tuple[TrialRecord, ...]
    """Trained candidates, best first."""
    images: Preprocessing | None = None
    """Preprocessing of the images that the best network was trained on, if recorded."""

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def budgets(self) -> Mapping[str, float]:
        """Device -> budget in milliseconds, the search's own device first."""
        own = {self.study["device"]["name"]: self.study["budget_ms"]}
        return own | {entry["name"]: entry["budget_ms"] for entry in self.study.get("others", [])}

    @property
    def training(self) -> Mapping[str, Any] | None:
        """The training settings and the best network's accuracy; None without training."""
        return self.study.get("training")


def read_training(study: Mapping[str, Any], path: Path) -> _Training | None:
    """The training section of a `study.yaml`; None without training.

    Raises:
        DocumentError: the section is damaged.
    """
    if (found := study.get("training")) is None:
        return None
    return read_record(_Training, found, f"{path} (training)", closed=False)


def read_search(folder: Path) -> SearchFolder:
    """Read a search's folder.

    Raises:
        DocumentError: the folder is no search's, or one of its files is damaged.
    """
    study = yaml.read(folder / STUDY, MAX_BYTES)
    read_record(StudyDocument, study, f"{folder / STUDY}", closed=False)
    path = folder / BEST
    front = read_csv(folder / "pareto.csv", PARETO_COLUMNS)
    trials, images = folder / "trials.csv", study.get("images")
    return SearchFolder(
        folder,
        study,
        read_arch(path),
        read_text(path),
        tuple(_candidate(line, folder, study["judged"]) for line in front),
        {line.cells["arch_id"]: line.number("probability_within_budget") for line in front},
        tuple(map(_trial, read_csv(trials, TRIAL_COLUMNS))) if trials.exists() else (),
        read_preprocessing(images, f"{folder / STUDY} (images)") if images else None,
    )


def _candidate(line: CsvRow, folder: Path, candidates: int) -> Candidate:
    arch = read_arch(line.file(folder))
    if arch.arch_id != line.cells["arch_id"]:
        raise DocumentError(f"{line.where} (arch_id): the file's network is {arch.arch_id}")
    return Candidate(
        arch,
        ms=line.number("predicted_ms"),
        ms_low=line.number("predicted_ms_low"),
        ms_high=line.number("predicted_ms_high"),
        top1=line.number("estimated_top1"),
        top1_sd=line.number("estimated_top1_sd"),
        distilled=_distilled(line),
        corrected=_corrected(line, candidates),
        best_published=_best_published(line),
    )


def _distilled(line: CsvRow) -> AccuracyEstimate | None:
    """The estimate for training with a teacher; None in a folder without these columns."""
    columns = ("estimated_top1_distilled", "estimated_top1_distilled_sd")
    if not all(column in line.cells for column in columns):
        return None
    return AccuracyEstimate(*map(line.number, columns))


def _best_published(line: CsvRow) -> BestPublished | None:
    """The best published network of a row's size; None where there is none, or of a known one."""
    name, top1 = CORRECTION_COLUMNS[4:]
    if not (network := line.cells.get(name)):
        return None
    return BestPublished(network, line.number(top1))


def _corrected(line: CsvRow, candidates: int) -> CorrectedEstimate | None:
    """The corrected estimate of a row; None of a known network, and in older folders."""
    if not line.cells.get("estimated_top1_low"):
        return None
    names = ("estimated_top1", *CORRECTION_COLUMNS[:4])
    top1, low, high, before, before_sd = map(line.number, names)
    return CorrectedEstimate(top1, low, high, AccuracyEstimate(before, before_sd), candidates)


def _trial(line: CsvRow) -> TrialRecord:
    found = {
        int(match[1]) if match else 0: top1
        for column in line.cells
        if (match := AFTER_EPOCH.fullmatch(column)) or column == INHERITED
        if (top1 := line.optional_number(column)) is not None
    }
    finals = (line.optional_number(c) for c in line.cells if c.startswith("final_top1_seed"))
    return TrialRecord(
        line.cells["name"],
        line.cells["state"],
        line.number("predicted_ms"),
        line.number("estimated_top1"),
        found,
        tuple(top1 for top1 in finals if top1 is not None),
        line.cells["error"],
    )
