"""How well measured latency repeats, and agrees with the runtimes' own benchmarks.

Measures networks in two runs of `nas measure`, each followed by the runtime's own benchmark on the
same exported files, one network after the other, all with one thread:

- onnxruntime: `onnxruntime_test` of its wheel (mean latency), on one core, which is one thread
- litert: `litert-benchmark` of ai-edge-litert (median)
- openvino: `benchmark_app` of its wheel (median), fp32, one stream
- executorch: its wheel has none; only the repetition is shown

Writes results/benchmarks/measure.csv. The machine must be quiet: the own benchmarks count waiting
for a core as latency. Run: python benchmarks/measure_agreement.py [ARCH...]
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from nas import library
from nas.export import FORMATS, deploy, write
from nas.measure.run import measure
from nas.runtimes import RUNTIMES

ARCHS = ("mobilenetv3-large", "efficientnet-b0", "repvit-m0.9")
RUNS = 2
OWN_RUNS = 3
"""Of the own benchmark, after each of ours; the median of them counts."""
ITERATIONS = 300
SECONDS = 5.0
OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "measure.csv"
BIN = Path(sys.executable).parent


def tool(*command: str) -> str:
    """Run one of the wheels' commands on the first core."""
    line = ["taskset", "-c", str(min(os.sched_getaffinity(0))), str(BIN / command[0]), *command[1:]]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(line)}\n{done.stderr[-2000:]}")
    return done.stdout


def onnxruntime_test(path: Path) -> float:
    found = re.search(
        r"avg latency: ([\d.]+) ms", tool("onnxruntime_test", str(path), str(ITERATIONS))
    )
    assert found
    return float(found[1])


def litert_benchmark(path: Path) -> float:
    result = path.with_suffix(".json")
    tool(
        "litert-benchmark",
        f"--model={path}",
        "--num_threads=1",
        f"--num_runs={ITERATIONS}",
        "--warmup_runs=20",
        f"--result_json={result}",
    )
    return float(json.loads(result.read_text())["latency"]["median_ms"])


def benchmark_app(path: Path) -> float:
    settings = "-d CPU -hint none -nthreads 1 -nstreams 1 -api sync -infer_precision f32"
    printed = tool("benchmark_app", "-m", str(path), *settings.split(), "-niter", str(ITERATIONS))
    found = re.search(r"Median:\s+([\d.]+) ms", printed)
    assert found
    return float(found[1])


OWN: dict[str, Callable[[Path], float] | None] = {
    "onnxruntime": onnxruntime_test,
    "litert": litert_benchmark,
    "openvino": benchmark_app,
    "executorch": None,
}


def compare(runtime: str, archs: list[str], folder: Path) -> list[list[object]]:
    own = OWN[runtime]
    form = FORMATS[RUNTIMES[runtime].format]
    networks = [(name, library.load_arch(name)) for name in archs]
    files = {name: folder / f"{runtime}-{name}{form.suffix}" for name, _ in networks}
    for name, arch in networks:
        write(deploy(arch), form, files[name])
    ours: dict[str, list[float]] = {name: [] for name in archs}
    theirs: dict[str, list[float]] = {name: [] for name in archs}
    notes: dict[str, str] = {}
    for seed in range(RUNS):
        for row in measure(networks, runtime, seconds=SECONDS, seed=seed).rows:
            ours[row.network].append(row.ms)
            notes[row.network] = row.note
        for name in archs:
            if own:
                theirs[name].append(median(own(files[name]) for _ in range(OWN_RUNS)))
    today = datetime.now(UTC).date().isoformat()
    rows: list[list[object]] = []
    for name in archs:
        first, second = ours[name][0], ours[name][-1]
        benchmark = [f"{ms:.4f}" for ms in theirs[name]] or [""] * RUNS
        ratio = f"{median(theirs[name]) / median(ours[name]):.4f}" if own else ""
        version = RUNTIMES[runtime].version()
        figures = [f"{first:.4f}", f"{second:.4f}", f"{second / first:.4f}", *benchmark, ratio]
        rows.append(
            [name, runtime, version, *figures, own.__name__ if own else "", notes[name], today]
        )
    return rows


def main() -> None:
    archs = sys.argv[1:] or [*ARCHS]
    header = ["network", "runtime", "version", "ms_first", "ms_second", "second_to_first"]
    header += ["own_first_ms", "own_second_ms", "own_to_ours", "own_benchmark", "note", "date"]
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for runtime in OWN:
            rows += compare(runtime, archs, Path(folder))
            for row in rows[-len(archs) :]:
                print(*row, flush=True)
    with OUT.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


if __name__ == "__main__":
    main()
