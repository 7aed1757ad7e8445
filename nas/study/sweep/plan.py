"""Sweep files: spaces x devices x budgets x strategies x seeds.

Every cell is a search with training like `nas search --data`. The keys of the file are the fields
below; its paths are relative to the working folder of the command.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from nas.errors import DocumentError, check_names
from nas.evaluate.proxy_names import PROXIES
from nas.files import yaml
from nas.files.records import between, one_of, read_record, some_of
from nas.files.resources import RECIPE, SPACE, SURROGATE, named
from nas.optimize.avoid import ALLOW_ALL, names_to_avoid
from nas.optimize.strategies import DEFAULT, STRATEGIES
from nas.optimize.strategies.problem import OBJECTIVES
from nas.study.halving import rung_name
from nas.study.plan import Plan
from nas.study.request import StudyRequest
from nas.study.settings import StudySettings
from nas.train.device import PRECISIONS
from nas.train.recipe import load_recipe


@dataclass(frozen=True, slots=True)
class Data:
    """Training data of the candidates."""

    name: str
    """A data set as for `nas train --data`."""
    root: str = ""
    """Folder of named data sets on every node."""
    download: bool = False
    images: int = between(0, high=1e9)
    """Largest number of training images; 0: all."""
    split: float = between(0.0, high=0.99)
    """Share of the images to test on, if there is no test split; 0: a fifth."""
    skip_damaged: bool = False
    """Leave out images that cannot be read."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Resources of a node for one training."""

    cpus: float = between(1.0, low=0.01, high=1024)
    gpus: float = between(0.0, high=64)
    """0.5: two trainings share a GPU."""


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Early stopping among the trials of one cell, by their accuracy after an epoch."""

    name: str = one_of("asha", "hyperband", "none")
    """arXiv:1810.05934, arXiv:1603.06560."""
    grace_epochs: int = between(1, low=1)
    """Epochs before any trial is stopped; strategies compare candidates after them."""
    reduction: int = between(2, low=2, high=100)
    """One trial in `reduction` continues."""


@dataclass(frozen=True, slots=True)
class HardLimits:
    """Hard limits beside the latency; 0: no limit."""

    max_params_m: float = between(0.0)
    max_macs_m: float = between(0.0)
    max_peak_m: float = between(0.0)
    """Largest number of live activation elements, in millions."""
    confidence: float = between(0.0, high=0.9999)
    """Smallest probability of meeting the latency budget."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep file."""

    name: str
    devices: tuple[str, ...]
    data: Data
    budgets_ms: Mapping[str, tuple[float, ...]] = between(low=1e-6)
    """Budgets by device; in the file one list may stand for all devices."""
    spaces: tuple[str, ...] = (SPACE,)
    strategies: tuple[str, ...] = (DEFAULT,)
    seeds: tuple[int, ...] = between((0,), high=2**31)
    recipe: str = RECIPE
    epochs: int = between(0, high=10_000)
    """Epochs of a candidate that is not stopped; 0: those of the recipe."""
    trials: int = between(16, low=1)
    """Candidates per cell."""
    finalists: int = between(2, low=1, high=1000)
    """Finalists per cell, trained from scratch for twice the epochs."""
    final_seeds: int = between(2, low=1, high=1000)
    objectives: tuple[str, ...] = ()
    """Objectives to minimise beside the accuracy: ms, params, macs."""
    zero_cost: tuple[str, ...] = ()
    """Zero-cost proxies that choose the networks each cell begins with."""
    surrogate: str = SURROGATE
    caution: float = between(1.0, high=100.0)
    resources: Resources = Resources()
    scheduler: Scheduler = Scheduler()
    limits: HardLimits = HardLimits()
    avoid: tuple[str, ...] = some_of(default=())
    """Blocks, ops and activations that no network may have; `none` allows ops that may leave a
    device's accelerator."""
    on: str = "auto"
    """Device of the trainings: auto, cpu, cuda or mps."""
    precision: str = one_of(*PRECISIONS)
    storage: str = ""
    """URL of an Optuna storage; empty: an SQLite file in the sweep's folder."""

    def cells(self) -> list[Cell]:
        """The cells, in the order of the file."""
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
        settings = StudySettings(
            self.trials,
            zero_cost=self.zero_cost,
            strategy=cell.strategy,
            objectives=self.objectives,
        )
        return StudyRequest(self.search_arguments(cell), settings)

    def search_arguments(self, cell: Cell) -> dict[str, Any]:
        """Arguments of `nas.optimize.search` for a cell."""
        limits = asdict(self.limits)
        most = {name: limits[f"{name}_m"] for name in ("max_params", "max_macs", "max_peak")}
        return {
            "space": cell.space,
            "device": [cell.device],
            "budget_ms": [cell.budget_ms],
            "confidence": self.limits.confidence or None,
            **{name: millions * 1e6 for name, millions in most.items() if millions},
            "surrogate": self.surrogate,
            "seed": cell.seed,
            "caution": self.caution,
            "avoid": list(self.avoid) or None,
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
        """The cell's folder name, unique within the sweep."""
        where = f"{Path(self.space).stem}-{Path(self.device).name}"
        return f"{where}-{self.budget_ms:g}ms-{self.strategy}-seed{self.seed}"

    @property
    def prefix(self) -> str:
        """Prefix of the cell's study names."""
        return f"{self.name}: "

    def candidates(self, sweep: Sweep) -> str:
        """Name of the study of the strategy's candidates."""
        return self.prefix + rung_name(sweep.plan().epochs, sweep.plan().epochs)


def load_sweep(path: Path) -> Sweep:
    """Read a sweep file, and check every name in it.

    Raises:
        DocumentError: a key or value is wrong; the message has the file, the key, and what was
            found and expected.
        UnknownNameError: a name is unknown; the message has the nearest ones.
    """
    return read_sweep(yaml.read(path), str(path))


def read_sweep(content: dict[str, Any], origin: str) -> Sweep:
    """Read the content of a sweep file; `origin` names the file in errors."""
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
    """Make a path absolute, so that every process finds it; other names stay."""
    return str(Path(name).absolute()) if Path(name).exists() else name


def _check_names(sweep: Sweep, origin: str) -> None:
    load_recipe(sweep.recipe)
    known: dict[str, Collection[str]] = {
        "spaces": named("space"),
        "devices": named("device"),
        "strategies": STRATEGIES,
        "objectives": OBJECTIVES,
        "zero_cost": PROXIES,
        "avoid": {name: None for name in (ALLOW_ALL, *names_to_avoid())},
    }
    for key, names in known.items():
        found = getattr(sweep, key)
        if key in ("spaces", "devices"):
            found = [name for name in found if not Path(name).exists()]
        check_names(key, found, names, f"{origin} ({key})")
    if sweep.scheduler.name == "hyperband" and sweep.scheduler.grace_epochs > 1:
        raise DocumentError(
            f"{origin} (scheduler.grace_epochs): hyperband needs 1, found"
            f" {sweep.scheduler.grace_epochs}"
        )


def _check_budgets(sweep: Sweep, origin: str) -> None:
    where = f"{origin} (budgets_ms)"
    for device in sweep.devices:
        if device not in sweep.budgets_ms:
            raise DocumentError(f"{where}: no budgets of device {device!r}")
    check_names("device", sweep.budgets_ms, sweep.devices, where)
