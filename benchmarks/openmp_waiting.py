"""Measure what passive waiting of OpenMP threads costs and saves, on an idle or a busy machine.

A separate process trains one epoch for each way of waiting and each number of threads, round after
round. The figures are ratios of seconds to the default way in the same round. With `--others N`, N
processes compete for the cores. Writes rows of results/benchmarks/openmp_waiting.csv, with the load
of the machine before the measurement.

    python benchmarks/openmp_waiting.py --rounds 7
    python benchmarks/openmp_waiting.py --rounds 5 --others 2
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

from files import read_rows, write_rows

from nas.system.environment import environment
from nas.system.processes import cores

OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "openmp_waiting.csv"
#: way of waiting -> OpenMP's settings
WAYS: dict[str, dict[str, str]] = {
    "default": {},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "spin 1000": {"GOMP_SPINCOUNT": "1000"},
}
SET = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
TRAINS = """
import torch  # before nas, which would set how to wait
import sys
from time import perf_counter
from nas.train.data import load_data
from nas.library import load_arch
from nas.train.recipe import load_recipe
from nas.train.run import Task
task = Task(load_data("digits"), load_recipe("proxy"))
training = task.training(task.fit(load_arch(sys.argv[1])), epochs=1, seed=0)
training.run_epoch(evaluate=False)
start = perf_counter()
training.run_epoch(evaluate=False)
print(perf_counter() - start)
"""
"""Prints the seconds of a second epoch, since the first includes one-time work."""


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=["mobilenetv3-small", "resnet50"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--others", type=int, default=0, help="processes that compete")
    options = parser.parse_args()
    kept = read_rows(OUT)
    for network in options.networks:
        for threads in (1, cores()):
            rows = measured(network, threads, options.rounds, options.others)
            new = {(row["network"], row["threads"], row["others"]) for row in rows}
            kept = [r for r in kept if (r["network"], r["threads"], r["others"]) not in new]
            kept += rows
            write_rows(OUT, kept)


def measured(network: str, threads: int, rounds: int, others: int) -> list[dict[str, str]]:
    """Return a row for each way of waiting."""
    about = environment()
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    with competing(others):
        for _ in range(rounds):
            for way in WAYS:
                seconds[way].append(trained(network, threads, WAYS[way]))
    rows = []
    for way, own in seconds.items():
        ratios = [s / base for s, base in zip(own, seconds["default"], strict=True)]
        figures = {"seconds": median(own), "ratio": median(ratios)}
        figures |= {"ratio_low": min(ratios), "ratio_high": max(ratios)}
        row = {"network": network, "threads": str(threads), "others": str(others), "waiting": way}
        row |= {name: f"{figure:.3f}" for name, figure in figures.items()}
        row |= {"rounds": str(rounds), "load_before": str(about.load)}
        row |= {"hardware": f"{about.cpu}, {about.cores} cores"}
        rows.append(row | {"date": datetime.now(UTC).date().isoformat()})
    return rows


def trained(network: str, threads: int, env: dict[str, str]) -> float:
    """Return the seconds of an epoch in a separate process."""
    own = {key: value for key, value in os.environ.items() if key not in SET}
    start = perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", TRAINS, network],
        env=own | {"OMP_NUM_THREADS": str(threads)} | env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    print(f"{network} {threads} {env}: {done.stdout.strip()} of {perf_counter() - start:.1f} s")
    return float(done.stdout)


@contextmanager
def competing(others: int) -> Iterator[None]:
    """Run this many processes that keep a core busy."""
    spin = [sys.executable, "-c", "while True: pass"]
    begun = [subprocess.Popen(spin) for _ in range(others)]
    try:
        yield
    finally:
        for process in begun:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
