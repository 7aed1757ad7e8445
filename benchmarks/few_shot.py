"""Measure how well 10 measurements adapt a known device to a related one.

    python benchmarks/few_shot.py --data DIR

Draws ten of the related device's networks, adapts the known device to them, and predicts the other
networks, over 50 seeded draws. The known device is fitted here without figures of the related one.
Writes `results/benchmarks/few_shot.csv`: the median over the draws and the 10th and 90th
percentile, beside the known device as it is and the trivial model fitted to the same ten.

`measured on the known one` is not a model. It shows how much the known device says about the
related one: for networks measured on both, it takes the known device's milliseconds times one
factor, fitted to all. It is written only for ten or more such networks.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from device_figures import Row
from device_sources import DEVICES
from fit_devices import as_figures, lower_all
from iphone_fit import is_large

from nas.files.csv import write_csv
from nas.latency.fit import assess
from nas.latency.fit.adapt import adapt
from nas.latency.fit.blend import FitRecipe, blend
from nas.latency.fit.calibrate import Costs, LatencySample, fit_trivial, trivial_work
from nas.space.columns import Floats

DRAWS = 50
SHOTS = 10
SEED = 0
OUT = Path(__file__).parents[1] / "results" / "benchmarks" / "few_shot.csv"

#: known device -> related one
PAIRS = (
    ("iphone12-lut", "iphone13"),
    ("pixel1-cpu", "sd855-cpu-1t"),
    ("sd855-cpu-1t", "pixel1-cpu"),
    ("pixel1-cpu", "pixel3-cpu-4t"),
    ("galaxy-s24-npu", "galaxy-s25-npu"),
)


def main() -> None:
    """Measure every pair."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)  # of torch.export, on some timm models
    rows = []
    for known, related in PAIRS:
        theirs = known_figures(options.data, known, related)
        recipe = FitRecipe(DEVICES[known].recipe.prior)
        figures = own_figures(options.data, known, related)
        for row in drawn(blend(theirs, recipe), figures):
            rows.append([known, related, len(figures), SHOTS, DRAWS, *row])
        reference = recipe.prior(theirs).reference
        own, others = both([f for f in theirs if f.harness in reference], figures)
        if (n := len(own)) >= SHOTS:
            row = quantiles([errors(own * np.median(others / own), others)])
            rows.append([known, related, n, n, 1, "measured on the known one", *row])
    write_csv(OUT, COLUMNS, rows)


COLUMNS = ("known", "related", "networks", "shots", "draws", "model")
COLUMNS += ("median_error_pct", "median_error_pct_p10", "median_error_pct_p90")
COLUMNS += ("spearman", "spearman_p10", "spearman_p90")


def _rows(data: Path, device: str, other: str = "") -> list[Row]:
    """Return the figures of a device, without those of the other one."""
    source = DEVICES[device]
    rows = source.rows(data)[0]
    if device == "iphone13":
        return [row for row in rows if row[0].harness == "iphone13"]
    return [row for row in rows if not (other == "iphone13" and "iphone13" in row[0].harness)]


def known_figures(data: Path, known: str, related: str) -> list[LatencySample]:
    """Return the known device's figures, without those of the related one."""
    rows = _rows(data, known, related)
    return as_figures(rows, lower_all(rows, DEVICES[known]))


def own_figures(data: Path, known: str, related: str) -> list[LatencySample]:
    """Return the related device's networks once each, as the known runtime executes them."""
    rows = _rows(data, related)
    found = as_figures(rows, lower_all(rows, DEVICES[known]))
    once = {figure.network: figure for figure in found if not is_large(figure.network)}
    return list(once.values())


def drawn(known: Costs, figures: Sequence[LatencySample]) -> list[list[str]]:
    """Return errors and ranking on the networks not drawn, for each model."""
    rng = np.random.default_rng(SEED)
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(DRAWS):
        chosen = set(rng.choice(len(figures), SHOTS, replace=False).tolist())
        few = [figure for i, figure in enumerate(figures) if i in chosen]
        rest = [figure for i, figure in enumerate(figures) if i not in chosen]
        ms = np.array([figure.ms for figure in rest])
        own = np.array([figure.ms for figure in few])
        models: dict[str, Floats] = {
            "adapted": adapt(few, known)[0].predict(rest),
            "known as it is": known.predict(rest),
            "size alone": trivial_work(rest) @ fit_trivial(few, own),
        }
        for model, predicted in models.items():
            found.setdefault(model, []).append(errors(predicted, ms))
    return [[model, *quantiles(pairs)] for model, pairs in found.items()]


def both(known: Sequence[LatencySample], related: Sequence[LatencySample]) -> tuple[Floats, Floats]:
    """Return the milliseconds on both devices of the networks measured on both."""
    there = {figure.network: figure.ms for figure in related}
    shared = sorted(there.keys() & {figure.network for figure in known})
    own = [float(np.median([f.ms for f in known if f.network == name])) for name in shared]
    return np.array(own), np.array([there[name] for name in shared])


def errors(predicted: Floats, ms: Floats) -> tuple[float, float]:
    """Return the median error in percent, and the rank correlation."""
    found = assess.errors(predicted, ms)
    return found["median_error_pct"], found.get("spearman", 0.0)  # a constant ranks nothing


def quantiles(pairs: Sequence[tuple[float, float]]) -> list[str]:
    """Return the median, 10th and 90th percentile of both figures."""
    return [f"{value:.4g}" for value in np.quantile(pairs, (0.5, 0.1, 0.9), axis=0).T.ravel()]


if __name__ == "__main__":
    main()
