"""A sweep file: spaces x devices x budgets x strategies x seeds, and what each cell is given.

Every cell is a search with training, as `nas search --data` is one; the keys of the file are the
fields below. Paths in it are as seen from where the command runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from nas.errors import DocumentError, UnknownNameError
from nas.files import yaml
from nas.files.records import between, one_of, read_record
from nas.files.resources import named
from nas.optimize.strategies import DEFAULT, STRATEGIES
from nas.optimize.strategies.problem import OBJECTIVES
from nas.study.halving import rung_name
from nas.study.plan import Plan
from nas.study.run import StudyRequest
from nas.train.place import PRECISIONS
from nas.train.recipe import load_recipe


@dataclass(frozen=True, slots=True)
class Data:
    """What candidates are trained on."""

    name: str
    """As `nas train --data`."""
    root: str = ""
    """Where named data sets lie, on every node."""
    download: bool = False
    images: int = between(0, high=1e9)
    """To train on, at most; 0: all."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Of a node, for one training."""

    cpus: float = between(1.0, low=0.01, high=1024)
    gpus: float = between(0.0, high=64)
    """A half: two trainings share a GPU."""


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Who is stopped early, by accuracy after an epoch, among the trials of one cell."""

    name: str = one_of("asha", "hyperband", "none")
    """arXiv:1810.05934, arXiv:1603.06560."""
    grace_epochs: int = between(1, low=1)
    """Nobody is stopped before, and strategies compare candidates then."""
    reduction: int = between(2, low=2, high=100)
    """One in so many goes on."""


@dataclass(frozen=True, slots=True)
class HardLimits:
    """Hard limits beside the latency; 0 is none."""

    max_params_m: float = between(0.0)
    max_macs_m: float = between(0.0)
    max_peak_m: float = between(0.0)
    """Activation elements alive at once, in millions."""
    confidence: float = between(0.0, high=0.9999)
    """Least probability of meeting the budget."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep file."""

    name: str
    devices: tuple[str, ...]
    data: Data
    budgets_ms: Mapping[str, tuple[float, ...]] = between(low=1e-6)
    """By device; in the file a list counts for all."""
    spaces: tuple[str, ...] = ("mobile",)
    strategies: tuple[str, ...] = (DEFAULT,)
    seeds: tuple[int, ...] = between((0,), high=2**31)
    recipe: str = "proxy"
    epochs: int = between(0, high=10_000)
    """Of a candidate that is not stopped; 0: the recipe's."""
    trials: int = between(16, low=1)
    """Candidates of a cell."""
    finalists: int = between(2, low=1, high=1000)
    """Of a cell, trained anew, twice as long."""
    final_seeds: int = between(2, low=1, high=1000)
    objectives: tuple[str, ...] = ()
    """Minimised beside the accuracy: ms, params, macs."""
    zero_cost: tuple[str, ...] = ()
    """Proxies that choose what each cell begins with."""
    surrogate: str = "imagenet"
    caution: float = between(1.0, high=100.0)
    resources: Resources = Resources()
    scheduler: Scheduler = Scheduler()
    limits: HardLimits = HardLimits()
    on: str = "auto"
    """What is trained on: auto, cpu, cuda or mps."""
    precision: str = one_of(*PRECISIONS)
    storage: str = ""
    """URL of an Optuna storage; empty: SQLite in the sweep's folder."""

    def cells(self) -> list[Cell]:
        """What is searched, in the order of the file."""
        return [
            Cell(space, device, budget_ms, strategy, seed)
            for space, device in product(self.spaces, self.devices)
            for budget_ms, strategy, seed in product(
                self.budgets_ms[device], self.strategies, self.seeds
            )
        ]

    def plan(self) -> Plan:
        """Epochs, finalists and seeds of each cell."""
        epochs = self.epochs or load_recipe(self.recipe).epochs
        least = epochs if self.scheduler.name == "none" else self.scheduler.grace_epochs
        return Plan(epochs, self.finalists, seeds=self.final_seeds, compared=min(least, epochs))

    def request(self, cell: Cell) -> StudyRequest:
        """What a cell searches for."""
        search = self.search_arguments(cell)
        return StudyRequest(search, self.trials, self.zero_cost, cell.strategy, self.objectives)

    def search_arguments(self, cell: Cell) -> dict[str, Any]:
        """Arguments of `nas.optimize.search` for a cell."""
        most = {
            "max_params": self.limits.max_params_m,
            "max_macs": self.limits.max_macs_m,
            "max_peak": self.limits.max_peak_m,
        }
        return {
            "space": cell.space,
            "device": [cell.device],
            "budget_ms": [cell.budget_ms],
            "confidence": self.limits.confidence or None,
            **{name: millions * 1e6 for name, millions in most.items() if millions},
            "surrogate": self.surrogate,
            "seed": cell.seed,
            "caution": self.caution,
        }


@dataclass(frozen=True, slots=True)
class Cell:
    """One search of a sweep."""

    space: str
    device: str
    budget_ms: float
    strategy: str
    seed: int

    @property
    def name(self) -> str:
        """A folder's name; no two cells of a sweep have the same."""
        where = f"{Path(self.space).stem}-{Path(self.device).name}"
        return f"{where}-{self.budget_ms:g}ms-{self.strategy}-seed{self.seed}"

    @property
    def prefix(self) -> str:
        """Of its studies' names."""
        return f"{self.name}: "

    def candidates(self, sweep: Sweep) -> str:
        """Name of the study that its strategy works in."""
        return self.prefix + rung_name(sweep.plan().epochs, sweep.plan().epochs)


def load_sweep(path: Path) -> Sweep:
    """A sweep file, with every name in it checked.

    Raises:
        DocumentError: naming file, key, what was found and what was expected.
        UnknownNameError: with the nearest names.
    """
    return read_sweep(yaml.read(path), str(path))


def read_sweep(content: dict[str, Any], origin: str) -> Sweep:
    """What a sweep file holds; `origin` names it in errors."""
    devices, budgets = content.get("devices"), content.get("budgets_ms")
    if isinstance(budgets, list) and isinstance(devices, list):
        content = content | {"budgets_ms": {str(device): budgets for device in devices}}
    sweep = read_record(Sweep, content, origin)
    if Path(sweep.name).name != sweep.name or sweep.name in (".", ".."):
        raise DocumentError(f"{origin} (name): expected a plain name, found {sweep.name!r}")
    _check_names(sweep, origin)
    _check_budgets(sweep, origin)
    sweep = replace(
        sweep,
        spaces=tuple(map(_anywhere, sweep.spaces)),
        devices=tuple(map(_anywhere, sweep.devices)),
        budgets_ms={_anywhere(device): own for device, own in sweep.budgets_ms.items()},
        surrogate=_anywhere(sweep.surrogate),
    )
    names = [cell.name for cell in sweep.cells()]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DocumentError(f"{origin}: expected different cells, found {twice[0]} twice")
    return sweep


def _anywhere(name: str) -> str:
    """A name, or a path as every process finds it, wherever it works."""
    return str(Path(name).absolute()) if Path(name).exists() else name


def _check_names(sweep: Sweep, origin: str) -> None:
    from nas.evaluate.proxies import PROXIES

    load_recipe(sweep.recipe)
    known: tuple[tuple[str, tuple[str, ...], Mapping[str, Any]], ...] = (
        ("spaces", sweep.spaces, named("space")),
        ("devices", sweep.devices, named("device")),
        ("strategies", sweep.strategies, STRATEGIES),
        ("objectives", sweep.objectives, OBJECTIVES),
        ("zero_cost", sweep.zero_cost, PROXIES),
    )
    for key, found, names in known:
        files = key in ("spaces", "devices")
        for name in found:
            if name not in names and not (files and Path(name).exists()):
                raise UnknownNameError(key, name, names, f"{origin} ({key})")
    if sweep.scheduler.name == "hyperband" and sweep.scheduler.grace_epochs > 1:
        raise DocumentError(
            f"{origin} (scheduler.grace_epochs): hyperband has its own, 1; found"
            f" {sweep.scheduler.grace_epochs}"
        )


def _check_budgets(sweep: Sweep, origin: str) -> None:
    where = f"{origin} (budgets_ms)"
    for device in sweep.devices:
        if device not in sweep.budgets_ms:
            raise DocumentError(f"{where}: no budgets of device {device!r}")
    for device in sweep.budgets_ms:
        if device not in sweep.devices:
            raise UnknownNameError("device", device, sweep.devices, where)
