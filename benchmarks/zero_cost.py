"""Measure how well zero-cost proxies rank networks whose accuracy is known.

Scores distinct networks of NAS-Bench-Macro (arXiv:2103.11922), points of our space, on noise of
CIFAR's size. Compares the scores with the published CIFAR-10 accuracies: Kendall's tau-b with a
bootstrap interval over networks, beside parameters and MACs. Parameters are checked against the
table. Writes results/benchmarks/zero_cost.csv.

    python benchmarks/zero_cost.py --data FOLDER_WITH_nas_bench_macro_cifar10.csv
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np
from files import read_rows, write_rows

from nas.evaluate.bench.macro import FILE, SPACE, code_of
from nas.evaluate.fidelity.ranking import kendall, tau_interval
from nas.evaluate.proxies import PROXIES, SIZES, noise, score
from nas.library import load_space

OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "zero_cost.csv"
SEED = 0


def main() -> None:
    """Score a sample, and write one row per proxy."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--networks", type=int, default=240)
    parser.add_argument("--images", type=int, default=64)
    options = parser.parse_args()
    table = [row for row in read_rows(options.data / FILE) if row["arch"] == row["canonical"]]
    rng = np.random.default_rng(SEED)
    chosen = [table[i] for i in rng.permutation(len(table))[: options.networks]]
    space = load_space(SPACE)
    archs = [space.decode(code_of(space, row["arch"])) for row in chosen]
    for row, arch in zip(chosen, archs, strict=True):
        assert arch.params == int(row["params"]), (row, arch.params)
    truth = np.array([float(row["mean_acc"]) for row in chosen])
    batches = noise(32, 10, images=options.images, seed=SEED)
    rows = []
    for name in (*SIZES, *PROXIES):
        start = perf_counter()
        scores = np.array([score(arch, name, batches, seed=SEED) for arch in archs])
        seconds = (perf_counter() - start) / len(archs)
        pairs = np.column_stack([scores, truth])
        low, high = tau_interval(pairs)
        rows.append(
            {
                "judge": name,
                "kendall_tau": round(kendall(pairs), 3),
                "tau_low": round(low, 3),
                "tau_high": round(high, 3),
                "networks": len(archs),
                "seconds_per_network": float(f"{seconds:.3g}"),
                "images": f"{options.images} of noise",
                "benchmark": "NAS-Bench-Macro, CIFAR-10 test accuracy",
                "torch": version("torch"),
                "date": datetime.now(UTC).date().isoformat(),
            }
        )
        print(rows[-1], flush=True)
    write_rows(OUT, rows)


if __name__ == "__main__":
    main()
