"""Which search strategy finds the best networks with the fewest evaluations?

Runs all strategies on NAS-Bench-Macro (arXiv:2103.11922, every network trained), Accel-NASBench and
once-for-all (fitted, see predictors/benchmarks/), each without a budget and with a budget that half
of the networks meet on pixel1-cpu. Writes results/benchmarks/strategies.csv, one row per benchmark,
budget and strategy, with a plot per benchmark and budget beside it.

    OMP_NUM_THREADS=1 python benchmarks/strategies.py --data FOLDER_WITH_nas_bench_macro_cifar10.csv

Rows already in the CSV are not computed again; delete a row to renew it. Runs are kept in
results/.strategies, and a plot is drawn once the runs of all its rows are there. Takes about two
hours on two cores, one of them for gp.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from files import read_rows, write_rows

from nas.evaluate.bench.benchmark import BENCHMARKS
from nas.evaluate.bench.comparison import BASELINE, Comparison, faults
from nas.evaluate.bench.optimum import optimum
from nas.evaluate.bench.run import Run, run_all
from nas.evaluate.bench.scenario import Scenario, load_scenario
from nas.optimize.strategies import STRATEGIES
from nas.report.folders.bench import summary
from nas.report.plots.regret import save_curves
from nas.system.environment import environment
from nas.system.processes import cores

RESULTS = Path(__file__).parents[1] / "results"
NAME = "strategies"
KEY = ("benchmark", "budget_share", "strategy")
SHARE = 0.5
TABLE = "nas-bench-macro"
"""Runs where every accuracy is known exactly: more, so that small differences show."""
RUNS = {TABLE: 200}
SOME = 40
"""Runs on the other benchmarks."""
FEWER = {"tpe": 0.5, "nsga2": 0.5, "nsga3": 0.5, "gp": 0.1}
"""Runs on the other benchmarks for strategies that take seconds to minutes per run."""
SLOW_EXACT = 0.5
"""The same for exact search within a budget of the table, whose programs are the hardest."""
SEARCHES = 3
"""Evaluations to find the best network if it cannot be proven."""


def main() -> None:
    """Run what is missing, then write and draw everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=RESULTS / "benchmarks")
    parser.add_argument("--work", type=Path, default=RESULTS / f".{NAME}")
    parser.add_argument("--only", nargs="*", default=list(STRATEGIES), help="strategies to run")
    parser.add_argument("--evaluations", type=int, default=300)
    parser.add_argument("--runs", type=int, help="runs of every strategy")
    parser.add_argument("--workers", type=int, default=cores())
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    for scenario in scenarios(options.data):
        known = best(scenario)
        for name in STRATEGIES:
            if name in {BASELINE, *options.only}:
                fill(scenario, known, name, options)
        draw(scenario, known, options)


def fill(
    scenario: Scenario, known: tuple[float, bool], name: str, options: argparse.Namespace
) -> None:
    """Run a strategy if its row is missing, and write the row."""
    table = options.out / f"{NAME}.csv"
    rows = read(table)
    if key(scenario, name) in rows:
        return
    runs, workers = options.runs or planned(scenario, name), options.workers
    jobs = [(scenario, name, options.evaluations, seed) for seed in range(runs)]
    found = [run for _, run in run_all(jobs, workers)]
    save(options.work / f"{stem(scenario)}-{name}.npz", found)
    comparison = Comparison(scenario, load_scenario(scenario).budget_ms, *known, {name: found})
    assert not faults(comparison), faults(comparison)
    assert comparison.optimum == known[0], f"{name} is better than what counts as the best"
    (row,) = summary(comparison)
    print({part: row[part] for part in (*KEY, f"regret_{options.evaluations}")}, flush=True)
    rows[key(scenario, name)] = {column: text(value) for column, value in row.items()} | {
        "hardware": f"{environment().cpu}, {cores()} cores, {workers} at work",
        "date": datetime.now(UTC).date().isoformat(),
    }
    write(table, rows)


def draw(scenario: Scenario, known: tuple[float, bool], options: argparse.Namespace) -> None:
    """Return the folder that keeps the runs of all rows."""
    rows = read(options.out / f"{NAME}.csv")
    kept = {
        name: options.work / f"{stem(scenario)}-{name}.npz"
        for name in STRATEGIES
        if key(scenario, name) in rows
    }
    if all(path.exists() for path in kept.values()):
        runs = {name: load(name, path) for name, path in kept.items()}
        comparison = Comparison(scenario, load_scenario(scenario).budget_ms, *known, runs)
        save_curves(comparison, options.out / f"{NAME}-{stem(scenario)}.png")


def best(scenario: Scenario) -> tuple[float, bool]:
    """Return the optimum in points and whether it is proven; otherwise from several searches."""
    return max(optimum(load_scenario(scenario), seed) for seed in range(SEARCHES))


def scenarios(data: Path) -> Iterator[Scenario]:
    """Return each benchmark without a budget and with one."""
    for name in BENCHMARKS:
        for share in (None, SHARE):
            yield Scenario(name, share, data=data)


def planned(scenario: Scenario, name: str) -> int:
    if name == "exact" and scenario.benchmark == TABLE and scenario.share:
        return round(SOME * SLOW_EXACT)
    if name in FEWER:
        return round(SOME * FEWER[name])
    return RUNS.get(scenario.benchmark, SOME)


def stem(scenario: Scenario) -> str:
    return scenario.benchmark + ("" if scenario.share is None else "-budget")


def key(scenario: Scenario, name: str) -> tuple[str, ...]:
    return scenario.benchmark, text(scenario.share), name


def text(value: Any) -> str:
    return "" if value is None else str(value)


def read(path: Path) -> dict[tuple[str, ...], dict[str, str]]:
    """Return rows by scenario."""
    if not path.exists():
        return {}
    return {tuple(row[k] for k in KEY): row for row in read_rows(path)}


def write(path: Path, rows: dict[tuple[str, ...], dict[str, str]]) -> None:
    write_rows(path, sorted(rows.values(), key=place))


def place(row: Mapping[str, str]) -> tuple[int, str, float]:
    """Sort by benchmark, without a budget first, the least regret first."""
    last = max((column for column in row if column.startswith("regret_")), key=lambda c: int(c[7:]))
    return [*BENCHMARKS].index(row["benchmark"]), row["budget_share"], float(row[last])


def save(path: Path, runs: list[Run]) -> None:
    """The parts of a run that a plot needs."""
    np.savez_compressed(
        path, seeds=[run.seed for run in runs], accuracies=[run.accuracies for run in runs]
    )


def load(name: str, path: Path) -> list[Run]:
    with np.load(path) as found:
        pairs = zip(found["seeds"].tolist(), found["accuracies"], strict=True)
        return [Run(name, seed, own, np.empty(0), 0.0, 0, 0) for seed, own in pairs]


if __name__ == "__main__":
    main()
