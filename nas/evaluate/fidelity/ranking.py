"""Kendall's tau-b of an estimator against long training, with a bootstrap interval."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nas.files.csv import write_csv
from nas.files.provenance import provenance
from nas.space.arch import Arch
from nas.space.columns import Floats

if TYPE_CHECKING:
    from nas.train.run import Task

COLUMNS = ("judge", "kendall_tau", "tau_low", "tau_high", "seconds_per_network", "networks")
"""Columns of `fidelity.csv`."""
BOOTSTRAPS = 1000
LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one network by one estimator."""

    score: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """How an estimator ranks networks, against the long training."""

    estimator: str
    tau: float
    low: float
    high: float
    """90 % bootstrap interval over networks."""
    seconds: float
    """Mean seconds per network."""
    networks: int


def ranking(estimator: str, scores: Sequence[Score], long: Sequence[Score]) -> Ranking:
    """Compare scores of the same networks in the same order; non-finite scores are left out."""
    scored = np.array([(own.score, true.score) for own, true in zip(scores, long, strict=True)])
    kept = scored[np.isfinite(scored).all(1)]
    low, high = tau_interval(kept)
    seconds = float(np.mean([own.seconds for own in scores]))
    return Ranking(estimator, kendall(kept), low, high, seconds, len(kept))


def tau_interval(pairs: Floats) -> tuple[float, float]:
    """Return the bootstrap interval of tau over networks. Shapes: pairs (n, 2)."""
    rng = np.random.default_rng(0)
    draws = (pairs[rng.integers(len(pairs), size=len(pairs))] for _ in range(BOOTSTRAPS))
    taus = [tau for draw in draws if np.isfinite(tau := kendall(draw))]
    if not taus:
        return -1.0, 1.0  # all scores are equal
    low, high = np.quantile(taus, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def kendall(pairs: Floats) -> float:
    """Return Kendall's tau-b; NaN if one side has no order. Shapes: pairs (n, 2)."""
    from scipy.stats import kendalltau

    if len(pairs) < 2:
        return nan
    return float(kendalltau(pairs[:, 0], pairs[:, 1]).statistic)


def facts_of(task: Task, command: Sequence[str], *, long: int, seed: int) -> dict[str, object]:
    """Return how networks were trained, for `fidelity.json`."""
    from nas.system.environment import environment

    return provenance(command, "torch") | {
        "data": {"name": task.data.name, "source": task.data.source},
        "recipe": task.recipe.name,
        "long_epochs": long,
        "seed": seed,
        "trained_on": f"{len(task.splits[0].labels)} images",
        "judged_on": f"{task.validation_images} training images held out",
        "device": str(task.setting.device),
        "precision": task.setting.precision,
        "environment": environment().as_json(),
    }


def write_fidelity(
    folder: Path, rankings: Sequence[Ranking], archs: Sequence[Arch], facts: Mapping[str, object]
) -> None:
    """Write `fidelity.csv`, the networks, and `fidelity.json` on how they were trained."""
    rows = []
    for found in rankings:
        figures = (f"{figure:.4f}" for figure in (found.tau, found.low, found.high))
        rows.append([found.estimator, *figures, f"{found.seconds:.3g}", found.networks])
    write_csv(folder / "fidelity.csv", COLUMNS, rows)
    (folder / "networks").mkdir(exist_ok=True)
    for arch in archs:
        arch.to_yaml(folder / "networks" / f"{arch.arch_id}.yaml")
        (folder / f"{arch.arch_id}.safetensors").unlink(missing_ok=True)
    (folder / "fidelity.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
