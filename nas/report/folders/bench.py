"""The folder of a comparison of strategies: `summary.csv`, `runs.csv`, `winners.csv`, and others.

summary.csv   one row a benchmark and strategy, with the figures of `nas.evaluate.bench.figures`
winners.csv   one row a benchmark on ImageNet: optimism of the winners of searches by the surrogate,
              as estimated and as corrected (`nas.evaluate.bench.optimism`)
runs.csv      one row a run: the best after 50, 100, 200, 300 and all evaluations
bench.yaml    how it was made
NAME.png      regret over evaluations on a benchmark
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from nas.evaluate.bench.comparison import Comparison
from nas.evaluate.bench.figures import marks
from nas.evaluate.bench.optimism import Optimism
from nas.evaluate.bench.scenario import load_scenario
from nas.files import yaml
from nas.files.csv import write_csv
from nas.files.provenance import provenance
from nas.library import load_device
from nas.optimize.strategies import ON_OPTUNA
from nas.report.plots.regret import save_curves

DIGITS = 4
"""Decimals of an accuracy."""


def write_comparison(
    folder: Path,
    comparisons: Sequence[Comparison],
    optimisms: Sequence[Optimism],
    command: Sequence[str],
) -> None:
    """Write all files of a comparison into a staged folder."""
    figures = [row for own in comparisons for row in summary(own)]
    runs = [row for own in comparisons for row in _runs(own)]
    winners = [own.row() for own in optimisms]
    for name, rows in (("summary.csv", figures), ("runs.csv", runs), ("winners.csv", winners)):
        if rows:
            write_csv(folder / name, list(rows[0]), rows)
    yaml.write(folder / "bench.yaml", _facts(comparisons, command))
    for own in comparisons:
        save_curves(own, folder / f"{own.scenario.benchmark}.png")


def summary(comparison: Comparison) -> list[dict[str, Any]]:
    """One flat row for each strategy, best first."""
    return [_scenario(comparison) | figures.row() for figures in comparison.figures]


def _scenario(comparison: Comparison) -> dict[str, Any]:
    scenario, budget_ms = comparison.scenario, comparison.budget_ms
    return {
        "benchmark": scenario.benchmark,
        "budget_share": scenario.share,
        "budget_ms": budget_ms if isfinite(budget_ms) else None,
        "device": scenario.device if isfinite(budget_ms) else None,
        "optimum": round(comparison.optimum, DIGITS),
        "proven": comparison.proven,
    }


def _runs(comparison: Comparison) -> list[dict[str, Any]]:
    scenario = {key: _scenario(comparison)[key] for key in ("benchmark", "budget_share")}
    return [
        scenario
        | {"strategy": own.strategy, "seed": own.seed}
        | {f"best_{n}": round(float(own.best[n - 1]), DIGITS) for n in marks(len(own.best))}
        | {"evaluations": len(own.ask_ms), "seconds": round(own.seconds, 3)}
        | {"duplicates": own.duplicates, "over_budget": own.over}
        for runs in comparison.runs.values()
        for own in sorted(runs, key=lambda own: own.seed)
    ]


def _facts(comparisons: Sequence[Comparison], command: Sequence[str]) -> dict[str, Any]:
    first = comparisons[0]
    strategies = list(first.runs)
    runs = next(iter(first.runs.values()))
    device = load_device(first.scenario.device)
    packages = ["numpy", "scipy", *(["optuna"] if set(strategies) & {*ON_OPTUNA} else [])]
    return provenance(command, *packages) | {
        "strategies": strategies,
        "seeds": sorted(own.seed for own in runs),
        "evaluations": len(runs[0].accuracies),
        "device": {"name": device.name, "hash": device.content_hash},
        "benchmarks": [
            {
                "name": own.scenario.benchmark,
                "source": load_scenario(own.scenario).benchmark.source,
                "hash": load_scenario(own.scenario).benchmark.content_hash,
                "budget_ms": _scenario(own)["budget_ms"],
                "optimum": round(own.optimum, DIGITS),
                "proven": own.proven,
            }
            for own in comparisons
        ],
    }
