"""Calibrate `predictors/iphone12-lut` from published figures, and judge it on families left out.

    python benchmarks/fit_iphone12.py --data DIR --out predictors/iphone12-lut

DIR holds `published_latency.csv` (device, runtime, model, variant, resolution, ms, citation). The
figures themselves are not part of the project; what is made of them is, with its sources. Runs on
one core in about four minutes, most of it tracing networks, and gives the same digits each time.
"""

from __future__ import annotations

import argparse
import csv
import io
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from iphone12_figures import Published, published
from iphone12_networks import CONVOLUTIONAL, NETWORKS

from nas.latency.calibrate import (
    GRID,
    Costs,
    Figure,
    Floats,
    Prior,
    as_rows,
    choose,
    conformal,
    device_fold,
    fit,
    harness_factors,
    left_out,
    on_reference,
    predict,
    trivial_fold,
    work_of,
)
from nas.latency.kernels import BYTES, Kernel, kernels
from nas.latency.table import COLUMNS

Key = tuple[str, int]

FUSES = ("relu", "relu6", "hswish", "gelu", "sigmoid", "hsigmoid", "scale", "add")
"""SiLU is left a kernel of its own: EfficientNets are too slow otherwise."""

PRIOR = Prior(
    us_per_mmac=0.0437,  # the trivial model of RepViT's table 1 (arXiv:2307.09283), in sample
    us_per_weight_mb=33.7,  # its 0.0674 ms per million parameters, at 2 bytes each
    harnesses={
        "modelbench": 1.0,
        "mobileone": 1.0,
        "repghost": 1.0,
        "nextvit": 1.0,
        "iphone13": 0.93,
        "iphone13-mnv4": 0.93,
        "iphone13-modelbench": 0.93,
    },
    reference=frozenset({"repvit", "repnext", "efficientformerv2", "shvit"}),
)

LARGE = 300
"""Pixels above which a network counts half in the fit and apart in the errors."""

STEPS = [
    *("MobileNetV3 Large", "RepViT step1", "RepViT step2", "RepViT step3", "RepViT step5"),
    *("RepViT step6", "RepViT step8", "RepViT M0.9"),
]
STEPS_MS = (1.01, 0.81, 0.65, 0.89, 0.96, 0.77, 0.89, 0.87)
"""arXiv:2307.09283, section 3."""


def main() -> None:
    """Fit, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)  # of torch.export, on some timm models
    taken, missing = published(options.data / "published_latency.csv")
    networks = lower_all(sorted({row.key for row in taken}))
    figures = as_figures(taken, networks)
    costs = fit(figures, on_reference(figures, PRIOR), choose(figures, PRIOR), PRIOR)
    device = left_out(figures, device_fold(PRIOR))
    trivial = trivial_left_out(figures)
    info = describe(taken, missing, figures, costs, device, trivial)
    options.out.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(info, sort_keys=False, width=100, allow_unicode=True)
    (options.out / "device.yaml").write_text(text, encoding="utf-8")
    (options.out / "kernels.csv").write_text(table(costs, networks), encoding="utf-8")


def lower_all(keys: Sequence[Key]) -> dict[Key, tuple[Kernel, ...]]:
    """Kernels of each network."""
    return {
        (name, side): tuple(kernels(NETWORKS[name].graph(side), BYTES["fp16"], FUSES))
        for name, side in keys
    }


def as_figures(
    taken: Sequence[Published], networks: Mapping[Key, tuple[Kernel, ...]]
) -> list[Figure]:
    """Figures for the fit. Repeats of one harness share a weight; rounding and size lower it."""
    chips = {settings.on_chip_mb for settings in GRID}
    work = {key: {mb: work_of(own, mb) for mb in chips} for key, own in networks.items()}
    repeats = Counter((row.key, row.harness) for row in taken)
    figures = []
    for row in taken:
        spread = np.hypot(0.05, row.rounding / np.sqrt(3)) / 0.05
        weight = 1 / spread / np.sqrt(repeats[row.key, row.harness])
        weight *= 1.0 if row.side <= LARGE else 0.5
        name = f"{row.network} {row.side}"
        family = NETWORKS[row.network].family
        figures.append(Figure(name, family, work[row.key], row.ms, row.harness, float(weight)))
    return figures


def trivial_left_out(figures: Sequence[Figure]) -> Floats:
    """The trivial model at its best: large images are fitted apart, as it knows no image size."""
    everywhere = trivial_fold(PRIOR)

    def small_only(kept: Sequence[Figure], out: Sequence[Figure]) -> Floats:
        return everywhere([figure for figure in kept if not is_large(figure)], out)

    large = np.array([is_large(figure) for figure in figures])
    return np.where(large, left_out(figures, everywhere), left_out(figures, small_only))


def is_large(figure: Figure) -> bool:
    """Of an image larger than classifiers on phones take."""
    return int(figure.network.rsplit(maxsplit=1)[-1]) > LARGE


def judged(taken: Sequence[Published], predicted: Floats) -> dict[Key, float]:
    """Predicted over published ms of each iPhone 12 network; the reference harness comes first."""
    ratios = {}
    for key in sorted({row.key for row in taken}):
        own = [i for i, row in enumerate(taken) if row.key == key and "13" not in row.harness]
        own = [i for i in own if taken[i].harness in PRIOR.reference] or own
        if own:
            ratios[key] = float(predicted[own[0]] / np.median([taken[i].ms for i in own]))
    return ratios


def errors(device: Mapping[Key, float], trivial: Mapping[Key, float]) -> dict[str, Any]:
    """Median and mean absolute error of both models on the same networks."""
    out: dict[str, Any] = {"networks": len(device)}
    for prefix, ratios in (("", device), ("trivial_", trivial)):
        error = 100 * np.abs(np.array(list(ratios.values())) - 1)
        out[f"{prefix}median_error_pct"] = round(float(np.median(error)), 2)
        out[f"{prefix}mean_error_pct"] = round(float(error.mean()), 2)
    return out


def describe(
    taken: Sequence[Published],
    missing: Sequence[str],
    figures: Sequence[Figure],
    costs: Costs,
    device: Floats,
    trivial: Floats,
) -> dict[str, Any]:
    """`device.yaml`."""
    ours, theirs = judged(taken, device), judged(taken, trivial)
    small = [key for key in ours if key[1] <= LARGE and "step" not in key[0]]
    conv = [key for key in small if NETWORKS[key[0]].family in CONVOLUTIONAL]
    large = [key for key in ours if key[1] > LARGE]

    def score(keys: Sequence[Key]) -> dict[str, Any]:
        return errors({key: ours[key] for key in keys}, {key: theirs[key] for key in keys})

    ratios = {key: 1 / ours[key] for key in small}
    low, high = conformal(np.array(list(ratios.values())), 0.9)
    factors = harness_factors(figures, PRIOR)
    return {
        "schema": 1,
        "name": "iphone12-lut",
        "kind": "calibrated",
        "hardware": "Apple iPhone 12 (A14 Bionic)",
        "runtime": "Core ML, compute units all (CPU, GPU, Neural Engine), iOS 16",
        "version": "Xcode 14 performance report",
        "precision": "fp16",
        "threads": None,
        "batch": 1,
        "statistic": "median of the report's runs; predicted from figures of whole networks",
        "date": "2026-11-22",
        "fixed_ms": round(costs.fixed_ms, 5),
        "on_chip_mb": costs.settings.on_chip_mb,
        "fuses": list(FUSES),
        "interval": {
            "level": 0.9,
            "low_ratio": round(low, 4),
            "high_ratio": round(high, 4),
            "coverage_pct": round(100 * covered(ratios, low, high), 1),
            "coverage_across_families_pct": round(100 * cross_coverage(ratios), 1),
        },
        "held_out": score(small),
        "held_out_conv": score(conv),
        "held_out_large": score(large),
        "roadmap": roadmap(figures, costs, device),
        "fit": {
            "script": "benchmarks/fit_iphone12.py",
            "figures": len(figures),
            "networks": len({row.key for row in taken}),
            "shrinkage": costs.settings.shrinkage,
            "harness_factors": {h: round(factors[h], 4) for h in sorted(factors)},
            "networks_without_a_graph": len(missing),
        },
        "sources": [
            {"citation": citation, "figures": n}
            for citation, n in sorted(Counter(row.citation for row in taken).items())
        ],
    }


def covered(ratios: Mapping[Key, float], low: float, high: float) -> float:
    """Share of networks whose published ms lies in the interval."""
    return float(np.mean([low <= ratio <= high for ratio in ratios.values()]))


def cross_coverage(ratios: Mapping[Key, float]) -> float:
    """The same, each family judged by the interval of the others."""
    inside = []
    for family in sorted({NETWORKS[key[0]].family for key in ratios}):
        others = [r for key, r in ratios.items() if NETWORKS[key[0]].family != family]
        low, high = conformal(np.array(others), 0.9)
        own = [r for key, r in ratios.items() if NETWORKS[key[0]].family == family]
        inside += [low <= ratio <= high for ratio in own]
    return float(np.mean(inside))


def roadmap(figures: Sequence[Figure], costs: Costs, device: Floats) -> dict[str, Any]:
    """Published and predicted steps, the latter in the fit and with RepViT left out of it."""
    names = [f"{step} 224" for step in STEPS]
    first = [next(i for i, figure in enumerate(figures) if figure.network == n) for n in names]
    fitted = predict(costs, [figures[i] for i in first])
    out = [float(value) for value in device[first]]
    # MobileNetV3 is of another family: start from the fit without RepViT
    kept = [figure for figure in figures if figure.family != "repvit"]
    out[0] = float(device_fold(PRIOR)(kept, [figures[first[0]]])[0])
    signs = np.sign(np.diff(STEPS_MS))
    return {
        "steps": STEPS,
        "published_ms": list(STEPS_MS),
        "fitted_ms": [round(float(value), 3) for value in fitted],
        "left_out_ms": [round(value, 3) for value in out],
        "wrong_signs_fitted": int((np.sign(np.diff(fitted)) != signs).sum()),
        "wrong_signs_left_out": int((np.sign(np.diff(out)) != signs).sum()),
    }


def table(costs: Costs, networks: Mapping[Key, Sequence[Kernel]]) -> str:
    """`kernels.csv`."""
    text = io.StringIO()
    text.write(
        "# microseconds of one kernel by class: overhead_us per launch, and per unit of work;\n"
    )
    text.write(
        "# spilled: MB read and written beyond on_chip_mb of device.yaml. networks, max_*: reach\n"
    )
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(as_rows(costs, networks))
    return text.getvalue()


if __name__ == "__main__":
    main()
