"""Measure the speed of pricing and of searches. Prints and writes results/benchmarks/speed.csv.

Pricing computes latency, params and MACs of networks of `mobile` on `iphone12-lut` in three ways,
interleaved in one run: (1) gathers over the layered space, (2) a plain Python loop (decode, lower,
fold, predict), (3) fvcore on a module (MACs only, its usual use). Whole commands are `nas --help`,
`nas search` from a cold start, and an infeasible search, with peak resident memory.

    python benchmarks/speed.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from files import write_rows

from nas import library
from nas.modules import build
from nas.optimize.pricing import Pricing

OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "speed.csv"
COLUMNS = ("what", "unit", "low", "median", "high", "rounds")


def rates(rounds: int) -> dict[str, list[float]]:
    """Return the networks per second of each way, one figure per round."""
    import torch
    from fvcore.nn import FlopCountAnalysis

    device, space = library.load_device("iphone12-lut"), library.load_space("mobile")
    pricing = Pricing(space, device, library.load_surrogate("imagenet"))
    rng = np.random.default_rng(0)
    codes = pricing.layered.sample(1_000_000, rng)
    pricing.price(codes[:10])

    def gathers() -> int:
        pricing.price(codes)
        return len(codes)

    def estimates() -> int:
        pricing.estimate(codes[:100_000])
        return 100_000

    def walk() -> int:
        for code in codes[:100]:
            arch = space.decode(code)
            device.predict(arch), arch.params, arch.macs
        return 100

    def fvcore() -> int:
        for code in codes[:3]:
            module = build(space.decode(code)).eval()
            count = FlopCountAnalysis(module, torch.zeros(1, *space.decode(code).input))
            count.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()
        return 3

    ways: dict[str, Callable[[], int]] = {
        "price (ms, params, MACs)": gathers,
        "judge (top-1 and sd)": estimates,
        "plain Python walk": walk,
        "fvcore on a built module (MACs)": fvcore,
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            n = way()
            found[name].append(n / (time.perf_counter() - began))
    return found


def processes(rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return seconds and peak MB of whole commands, one pair per round."""
    search = ["search", "--device", "iphone12-lut", "--budget-ms"]
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "nas --help": ["--help"],
            "nas search --budget-ms 1.0": [*search, "1.0", "--force", "--out", folder],
            "nas search --budget-ms 0.1 (infeasible)": [*search, "0.1", "--out", folder],
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                found[name].append(_run([str(Path(sys.executable).with_name("nas")), *command]))
    return found


def _run(command: list[str]) -> tuple[float, float]:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    lines: list[tuple[str, str, list[float]]] = []
    for name, pairs in processes(rounds).items():
        lines.append((name, "s", [seconds for seconds, _ in pairs]))
        lines.append((name, "peak MB", [mb for _, mb in pairs]))
    lines += [(name, "networks/s", found) for name, found in rates(rounds).items()]
    rows = []
    for name, unit, found in lines:
        figures = [f"{figure:.4g}" for figure in (min(found), median(found), max(found))]
        rows.append(dict(zip(COLUMNS, (name, unit, *figures, rounds), strict=True)))
        print(f"{name:42} {' / '.join(figures):>28} {unit}")
    write_rows(OUT, rows)


if __name__ == "__main__":
    main()
