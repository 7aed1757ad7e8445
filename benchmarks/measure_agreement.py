"""Measure how well latency repeats, and how well it agrees with the runtimes' own benchmarks.

Runs `nas measure` twice on the same networks. After each run, the runtime's own benchmark times the
same exported files, one network after the other, with one thread:

- onnxruntime: `onnxruntime_test` of its wheel (mean). It has no option for threads, so the model's
  metadata set one thread. ONNX Runtime's profiler would add a fifth to the time.
- litert: `litert-benchmark` of ai-edge-litert (median)
- openvino: `benchmark_app` of its wheel (median), fp32, one stream
- executorch: its wheel has no benchmark; only the repetition is shown

Writes results/benchmarks/measure.csv. The machine must be quiet, because the runtimes' benchmarks
count waiting for a core as latency. Run: python benchmarks/measure_agreement.py [ARCH...]
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import onnx
from files import write_rows

from nas import library
from nas.deploy.export import FORMATS, deploy, write
from nas.deploy.runtimes import RUNTIMES
from nas.devices.measure.run import measure

ARCHS = ("mobilenetv3-large", "efficientnet-b0", "repvit-m0.9")
OWN_RUNS = 3
"""Runs of the runtime's benchmark after each of ours; their median counts."""
ITERATIONS = 500
WARM_UP = 20
SECONDS = 5.0
OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "measure.csv"
BIN = Path(sys.executable).parent


def tool(*command: str) -> str:
    """Run a command of one of the wheels."""
    line = [str(BIN / command[0]), *command[1:]]
    environment = os.environ | {"ORT_LOAD_CONFIG_FROM_MODEL": "1"}
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(line)}\n{done.stderr[-2000:]}")
    return done.stdout


def onnxruntime_test(path: Path) -> float:
    model = onnx.load(path)
    options = {"session_options": {"intra_op_num_threads": 1, "inter_op_num_threads": 1}}
    onnx.helper.set_model_props(model, {"ort_config": json.dumps(options)})
    one_thread = path.with_suffix(".1.onnx")
    onnx.save(model, one_thread)
    printed = tool("onnxruntime_test", str(one_thread), str(ITERATIONS))
    found = re.search(r"avg latency: ([\d.]+) ms", printed)
    assert found
    return float(found[1])


def litert_benchmark(path: Path) -> float:
    result = path.with_suffix(".json")
    tool(
        "litert-benchmark",
        f"--model={path}",
        "--num_threads=1",
        f"--num_runs={ITERATIONS}",
        f"--warmup_runs={WARM_UP}",
        f"--result_json={result}",
    )
    return float(json.loads(result.read_text())["latency"]["median_ms"])


def benchmark_app(path: Path) -> float:
    settings = "-d CPU -hint none -nthreads 1 -nstreams 1 -api sync -infer_precision f32"
    printed = tool("benchmark_app", "-m", str(path), *settings.split(), "-niter", str(ITERATIONS))
    found = re.search(r"Median:\s+([\d.]+) ms", printed)
    assert found
    return float(found[1])


#: runtime -> its own benchmark
OWN: dict[str, Callable[[Path], float] | None] = {
    "onnxruntime": onnxruntime_test,
    "litert": litert_benchmark,
    "openvino": benchmark_app,
    "executorch": None,
}
HEADER = (
    *("network", "runtime", "version", "ms_first", "ms_second", "second_to_first"),
    *("own_first_ms", "own_second_ms", "own_to_ours", "own_benchmark", "note", "date"),
)


def compare(name: str, archs: list[str], folder: Path) -> Iterator[list[object]]:
    runtime, own = RUNTIMES[name], OWN[name]
    form = FORMATS[runtime.format]
    networks = [(arch, library.load_arch(arch)) for arch in archs]
    files = {arch: folder / f"{name}-{arch}{form.suffix}" for arch in archs}
    for arch, loaded in networks:
        write(deploy(loaded), form, files[arch])
    ours, theirs = [], []
    for seed in range(2):
        found = measure(networks, name, seconds=SECONDS, seed=seed)
        ours.append({row.network: row for row in found.rows})
        theirs.append(
            {arch: median(own(files[arch]) for _ in range(OWN_RUNS)) for arch in archs}
            if own
            else {}
        )
    for arch in archs:
        first, second = (rows[arch].ms for rows in ours)
        row = [arch, name, runtime.version(), first, second, f"{second / first:.4f}"]
        if own:
            one, two = (figures[arch] for figures in theirs)
            ratio = f"{(one + two) / (first + second):.4f}"
            row += [f"{one:.4f}", f"{two:.4f}", ratio, own.__name__]
        else:
            row += [""] * 4
        notes = {rows[arch].note for rows in ours} - {""}
        yield [*row, "; ".join(sorted(notes)), datetime.now(UTC).date().isoformat()]


def main() -> None:
    archs = sys.argv[1:] or [*ARCHS]
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in OWN:
            for row in compare(name, archs, Path(folder)):
                print(*row, flush=True)
                rows.append(row)
    write_rows(OUT, [dict(zip(HEADER, row, strict=True)) for row in rows])


if __name__ == "__main__":
    main()
