"""Calibrate the shipped devices from published figures, and judge each on families left out.

    python benchmarks/fit_devices.py --data DIR [--only NAME]

DIR holds `published_latency.csv`, `qualcomm_ai_hub_latency.csv` and `accel_nasbench.csv`. Figures
themselves are not part of the project; what is made of them is, with its sources: a folder in
`predictors/` for each device that beats parameters and MACs alone on networks left out, and how it
was judged, by family, in `results/devices/`. Runs on one core in about ten minutes, half of them to
trace networks, and gives the same digits each time.
"""

from __future__ import annotations

import argparse
import csv
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from device_figures import Row, Rows, accel, ai_hub, iphones, whole_networks
from iphone_fit import FUSES as IPHONE_FUSES
from iphone_fit import RECIPE12, RECIPE13, counted, is_large, roadmap

from nas.calibration.fit import FUSES, PLAIN, Fit, adapted, described, fitted
from nas.latency import assess
from nas.latency.adapt import costs_of
from nas.latency.assess import Judged
from nas.latency.blend import Recipe
from nas.latency.calibrate import ON_CHIP_MB, Figure, work_of
from nas.latency.device import load_device
from nas.latency.kernels import BYTES, Kernel, kernels
from nas.latency.write import as_rows, write_device

ROOT = Path(__file__).parents[1]
DATE = "2026-11-22"
"""Of the last fit: the files it writes must repeat."""
PREDICTED = "; predicted from figures of whole networks"

Key = tuple[str, int]
"""Network and side."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a device's figures come from, and what they are of."""

    rows: Callable[[Path], Rows]
    hardware: str
    runtime: str
    version: str
    precision: str
    statistic: str
    threads: int | None = 1
    batch: int = 1
    fuses: Sequence[str] = FUSES
    recipe: Recipe = PLAIN
    prior: str = ""
    """A device to adapt."""
    harness: str = ""
    """Part of the name of harnesses of the device itself; others are of its relatives."""
    not_harness: str = "no such harness"
    notes: str = ""

    def owns(self, figure: Figure) -> bool:
        """The figure is of the device itself."""
        return self.harness in figure.harness and self.not_harness not in figure.harness


MEAN = "mean latency as TensorFlow Lite's benchmark gives it"
THROUGHPUT = "1000 / images per second: milliseconds of one image within a batch, no latency"
ANB = "batch and precision as in the repository that collected the figures"

DEVICES: dict[str, Source] = {
    "iphone12-lut": Source(
        iphones,
        "Apple iPhone 12 (A14 Bionic)",
        "Core ML, compute units all (CPU, GPU, Neural Engine), iOS 16",
        "Xcode 14 performance report",
        "fp16",
        "median of the report's runs",
        threads=None,
        fuses=IPHONE_FUSES,
        recipe=RECIPE12,
        not_harness="iphone13",
    ),
    "iphone13": Source(
        iphones,
        "Apple iPhone 13 (A15 Bionic)",
        "Core ML, compute units all (CPU, GPU, Neural Engine)",
        "Core ML Tools, as iFormer's authors used them",
        "fp16",
        "latency as the paper gives it",
        threads=None,
        fuses=IPHONE_FUSES,
        recipe=RECIPE13,
        harness="iphone13",
        not_harness="iphone13-",
        notes="figures of iPhone 12 and of other tools take part, each harness with a factor",
    ),
    "pixel1-cpu": Source(
        partial(whole_networks, device="Google Pixel 1 CPU", runtime="TFLite.*"),
        "Google Pixel 1 (Snapdragon 821), one large core",
        "TensorFlow Lite",
        "as of 2018 to 2019",
        "fp32",
        MEAN,
    ),
    "pixel3-cpu-4t": Source(
        partial(whole_networks, device="Google Pixel 3 CPU (4 threads)", runtime="TFLite float"),
        "Google Pixel 3 (Snapdragon 845)",
        "TensorFlow Lite",
        "Android 10",
        "fp32",
        MEAN,
        threads=4,
    ),
    "pixel4-cpu": Source(
        partial(whole_networks, device="Google Pixel 4 CPU (4 threads)", runtime="TFLite FP32"),
        "Google Pixel 4 (Snapdragon 855)",
        "TensorFlow Lite",
        "as of 2020",
        "fp32",
        MEAN,
        threads=4,
        prior="pixel3-cpu-4t",
    ),
    "pixel6-cpu": Source(
        partial(whole_networks, device="Google Pixel 6 CPU", runtime="TFLite INT8 XNNPACK"),
        "Google Pixel 6 (Tensor), CPU",
        "TensorFlow Lite with XNNPACK",
        "as of 2024",
        "int8",
        "median of five means of about 1000 runs",
        notes="networks with GELU or layer norms, which have no int8 kernels, are far slower",
    ),
    "s23-gpu": Source(
        partial(whole_networks, device="Samsung S23 GPU", runtime="TFLite fp16"),
        "Samsung Galaxy S23 (Snapdragon 8 Gen 2), GPU",
        "TensorFlow Lite with the GPU delegate",
        "as of 2024",
        "fp16",
        "median of five means of about 1000 runs",
        threads=None,
        notes="FastViT is left out: it takes many times what its work explains",
    ),
    "galaxy-s24-npu": Source(
        partial(ai_hub, device="Samsung Galaxy S24", runtime="tflite", precision="float"),
        "Samsung Galaxy S24 (Snapdragon 8 Gen 3), Hexagon NPU",
        "TensorFlow Lite with the QNN delegate",
        "Qualcomm AI Hub, 2025",
        "fp16",
        "latency as Qualcomm AI Hub gives it",
        threads=None,
    ),
    "galaxy-s25-npu": Source(
        partial(ai_hub, device="Samsung Galaxy S25", runtime="tflite", precision="float"),
        "Samsung Galaxy S25 (Snapdragon 8 Elite), Hexagon NPU",
        "TensorFlow Lite with the QNN delegate",
        "Qualcomm AI Hub, 2025",
        "fp16",
        "latency as Qualcomm AI Hub gives it",
        threads=None,
    ),
    "sd855-cpu-1t": Source(
        partial(whole_networks, device="Snapdragon 855 CPU (1 thread)", runtime="Paddle-Lite"),
        "Snapdragon 855, CPU",
        "Paddle-Lite",
        "as of 2022",
        "fp32",
        "latency as PaddleClas gives it",
    ),
    "a100": Source(
        partial(accel, column="throughput_a100"),
        "NVIDIA A100 40 GB",
        "PyTorch, channels last",
        "as of 2023",
        "fp16",
        THROUGHPUT,
        threads=None,
        batch=256,
        notes=ANB,
    ),
    "rtx3090": Source(
        partial(accel, column="throughput_3090"),
        "NVIDIA RTX 3090",
        "PyTorch, channels last",
        "as of 2023",
        "fp16",
        THROUGHPUT,
        threads=None,
        batch=256,
        notes=ANB,
    ),
    "tpuv3": Source(
        partial(accel, column="throughput_tpuv3"),
        "Google Cloud TPU v3, one core",
        "PyTorch/XLA, bfloat16",
        "tpu-vm-pt-1.13",
        "fp16",
        THROUGHPUT,
        threads=None,
        batch=128,
        notes=ANB,
    ),
}


def main() -> None:
    """Fit, judge, write what is worth shipping."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=DEVICES)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)  # of torch.export, on some timm models
    for name in [options.only] if options.only else DEVICES:
        source = DEVICES[name]
        rows, missing = source.rows(options.data)
        networks = lower_all(rows, source)
        figures = as_figures(rows, networks)
        fit = fit_of(source, figures)
        info = describe(name, source, rows, missing, figures, fit)
        score = info["held_out"]
        worth = score["median_error_pct"] < score["trivial_median_error_pct"]
        worth &= score["mean_error_pct"] < score["trivial_mean_error_pct"]
        sys.stdout.write(f"{name}: {score}; {'shipped' if worth else 'not shipped'}\n")
        sys.stdout.flush()
        write_judged(ROOT / "results" / "devices" / f"{name}.csv", usual(name, fit))
        if worth:
            folder = ROOT / "predictors" / name
            folder.mkdir(exist_ok=True)
            write_device(folder, info, as_rows(fit.costs, networks.values()))


def lower_all(rows: Sequence[Row], source: Source) -> dict[Key, tuple[Kernel, ...]]:
    """Kernels of each network."""
    by_key = {figure.key: network for figure, network in rows}
    size = BYTES[source.precision]
    return {
        key: tuple(kernels(network.graph(key[1]), size, source.fuses))
        for key, network in sorted(by_key.items())
    }


def as_figures(rows: Sequence[Row], networks: Mapping[Key, Sequence[Kernel]]) -> list[Figure]:
    """Figures for the fit. Repeats of one harness share a weight; rounding and size lower it."""
    work = {key: work_of(own) for key, own in networks.items()}
    repeats = Counter((figure.key, figure.harness) for figure, _ in rows)
    found = []
    for figure, network in rows:
        name = f"{figure.network} {figure.side}"
        spread = np.hypot(0.05, figure.rounding / np.sqrt(3)) / 0.05
        weight = 1 / spread / np.sqrt(repeats[figure.key, figure.harness])
        weight *= 0.5 if is_large(name) else 1.0
        found.append(
            Figure(name, network.family, work[figure.key], figure.ms, figure.harness, float(weight))
        )
    return found


def fit_of(source: Source, figures: Sequence[Figure]) -> Fit:
    """The device, fitted or adapted."""
    if source.prior:
        return adapted(figures, costs_of(load_device(source.prior)))
    return fitted(
        figures,
        source.recipe,
        own=source.owns,
        usual=lambda figure: not is_large(figure.network),
    )


def usual(name: str, fit: Fit) -> list[Judged]:
    """The networks that a device's errors are of."""
    return counted(fit.judged)["held_out"] if name.startswith("iphone") else list(fit.judged)


def describe(
    name: str,
    source: Source,
    rows: Sequence[Row],
    missing: Collection[str],
    figures: Sequence[Figure],
    fit: Fit,
) -> dict[str, Any]:
    """`device.yaml`."""
    info: dict[str, Any] = {
        "schema": 1,
        "name": name,
        "kind": f"adapted from {source.prior}" if source.prior else "calibrated",
        "hardware": source.hardware,
        "runtime": source.runtime,
        "version": source.version,
        "precision": source.precision,
        "threads": source.threads,
        "batch": source.batch,
        "statistic": source.statistic + PREDICTED,
        "date": DATE,
        "fuses": list(source.fuses),
        "on_chip_mb": ON_CHIP_MB,
        **described(fit, usual(name, fit)),
    }
    if name == "iphone12-lut":
        groups = counted(fit.judged)
        info |= {key: assess.score(own) for key, own in groups.items()}
        info["roadmap"] = roadmap(figures, fit)
    factors = {} if len(fit.factors) > 20 else dict(sorted(fit.factors.items()))
    info["fit"] = {
        "script": "benchmarks/fit_devices.py",
        "figures": len(rows),
        "networks": len({figure.key for figure, _ in rows}),
        "harness_factors": {harness: round(factor, 4) for harness, factor in factors.items()},
        "networks_without_a_graph": len(missing),
    }
    if source.notes:
        info["notes"] = source.notes
    citations = Counter(figure.citation for figure, _ in rows)
    info["sources"] = [{"citation": text, "figures": n} for text, n in sorted(citations.items())]
    return info


def write_judged(path: Path, judged: Sequence[Judged]) -> None:
    """How the networks of each family were predicted without it, and all of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    span = assess.interval(judged)
    families = sorted({each.family for each in judged})
    groups = {"all": list(judged)}
    groups |= {family: [x for x in judged if x.family == family] for family in families}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, JUDGED_COLUMNS, lineterminator="\n")
        writer.writeheader()
        for family, own in groups.items():
            ratios = np.array([each.ms / each.predicted_ms for each in own])
            inside = (span["low_ratio"] <= ratios) & (ratios <= span["high_ratio"])
            worst = max(own, key=lambda each: abs(each.predicted_ms / each.ms - 1))
            writer.writerow(
                {"family": family}
                | assess.score(own)
                | {"in_interval_pct": round(100 * float(inside.mean()), 1)}
                | {"worst_network": worst.network}
                | {"worst_error_pct": round(100 * (worst.predicted_ms / worst.ms - 1), 1)}
            )


ERRORS = ("median_error_pct", "mean_error_pct", "p90_error_pct")
ERRORS += ("within_5_pct", "within_10_pct", "within_20_pct", "spearman")
JUDGED_COLUMNS = ("family", "networks", *ERRORS, *(f"trivial_{key}" for key in ERRORS))
JUDGED_COLUMNS += ("in_interval_pct", "worst_network", "worst_error_pct")


if __name__ == "__main__":
    main()
