"""Fit the accuracy surrogate `imagenet`, judge it on networks it has not seen, write its folder.

    python benchmarks/fit_imagenet_surrogate.py --data DIR --out predictors/imagenet

DIR holds accel_nasbench.csv, ofa_mobilenetv3_evals.csv, timm_results_imagenet.csv and
published_latency.csv. About a minute on one core; the same files give the same folder. Prints and
writes: Kendall's tau on held-out networks of each trained space, beside it that of parameters and
of MACs alone; the error on each published family left out, beside it that of a linear model of
log-parameters and log-MACs with the same link; how often the truth lies within one and two sd.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from imagenet_networks import accel_nasbench, once_for_all
from imagenet_published import REFERENCE, Figure, merged, read_figures
from scipy.stats import kendalltau

from nas.accuracy import FEATURES, features
from nas.accuracy.artefact import NETWORK, symmetric
from nas.accuracy.inputs import INPUTS, LAW, Floats, inputs, law_basis
from nas.accuracy.process import Kernel, Process, whiten
from nas.accuracy.surrogate import Expert, Scaling, Surrogate
from nas.arch import Arch, lower_row
from nas.graph import GraphBuilder

CEILING = 88.0
KERNEL = Kernel(law_sd=0.15, input_sd=0.02, amplitude=0.1, length=8.0, recipe_sd=0.1)
"""Chosen by the marginal likelihood of the published figures, on a coarse grid."""
FLOOR_SD = 0.03
"""In score: about 0.4 points at 75 %, what recipes called by one name differ by."""
RUN_SD_POINTS = 0.4
"""Standard deviation of a figure: seed, crop, rounding."""
RIDGE = 0.3
"""Of an expert's linear terms, in units of its noise; quadratic ones are held tighter."""
TIGHTER = 108.0
CONSTANT_SD = 0.3
"""An input that an expert's networks share fades it over this share of the pooled scale."""
FOLDS = 5
EXPERT_COLUMNS = ("centre", "scale", "radius", "linear")
KERNEL_FIELDS = ("law_sd", "input_sd", "amplitude", "length", "recipe_sd")
FAMILY_KEYS = ("figures", "mae", "bias", "mean_sd", "mae_size_model", "within_1_sd", "within_2_sd")
HEAD = """schema: 1
name: imagenet
made: "2026-11-22, benchmarks/fit_imagenet_surrogate.py"
reference: >-
  supervised training on ImageNet-1k with a modern recipe (about 300 epochs, RandAugment and such)
  at the network's own resolution; no distillation, no further data, single crop
sources:
  - "Accel-NASBench, arXiv:2404.08005: MBConv networks after 16 epochs; used to rank only"
  - "once-for-all MobileNetV3 sub-networks, IntelLabs/DyNAS-T; used to rank only"
  - "pytorch-image-models, results/results-imagenet.csv; weights that saw ImageNet-1k alone"
  - "model tables of MobileNetV2, MnasNet and EfficientNet-Lite by their authors; PaddleClas"
  - "arXiv:2307.09283 (RepViT), 2404.10518 table 6 (MobileNetV4), 2501.15369 table 18 (iFormer)"
"""


@dataclass(frozen=True, slots=True)
class Space:
    """Networks of one search space, trained alike."""

    name: str
    x: Floats
    size: Floats
    """(n, 2): parameters and MACs"""
    top1: Floats

    @property
    def resolution(self) -> Floats:
        return np.full(len(self.x), 224.0)

    def keep(self, rows: Any) -> Space:
        return Space(self.name, self.x[rows], self.size[rows], self.top1[rows])


@dataclass(frozen=True, slots=True)
class Published:
    """Published figures as arrays."""

    figures: Sequence[Figure]
    x: Floats
    resolution: Floats
    top1: Floats

    @property
    def recipes(self) -> list[str]:
        return ["" if f.recipe == REFERENCE else f.recipe for f in self.figures]

    @property
    def score(self) -> Floats:
        return -np.log(CEILING - self.top1)

    @property
    def noise_sd(self) -> Floats:
        return np.hypot(0.02, RUN_SD_POINTS / (CEILING - self.top1))

    def keep(self, rows: Any) -> Published:
        figures = [f for f, kept in zip(self.figures, rows, strict=True) if kept]
        return Published(figures, self.x[rows], self.resolution[rows], self.top1[rows])


def tabulate(archs: Sequence[Arch]) -> Floats:
    """Features (n, F) of many networks; each distinct row is lowered once."""
    known: dict[Any, tuple[Floats, Any]] = {}
    table = []
    for arch in archs:
        total, shape = np.zeros(len(FEATURES)), arch.input
        for row in arch.rows:
            key = (row, shape, arch.input[1])
            if key not in known:
                g = GraphBuilder(shape, arch.input[1])
                out = lower_row(g, row, g.input)
                known[key] = np.array(features(g.graph()), float), out.shape
            total, shape = total + known[key][0], known[key][1]
        table.append(total)
    return np.array(table)


def sizes(archs: Iterable[Arch]) -> Floats:
    """Parameters and MACs (n, 2)."""
    return np.array([(arch.params, arch.macs) for arch in archs], float)


def read_spaces(data: Path) -> tuple[Space, Space]:
    """Both trained spaces; a network listed twice counts once, with its mean top-1."""
    accel = list(csv.DictReader((data / "accel_nasbench.csv").open()))
    ofa = list(csv.DictReader((data / "ofa_mobilenetv3_evals.csv").open()))
    return (
        _space("accel", [accel_nasbench(r) for r in accel], [float(r["val_top1"]) for r in accel]),
        _space("ofa", [once_for_all(r) for r in ofa], [float(r["top1"]) for r in ofa]),
    )


def _space(name: str, archs: Sequence[Arch], top1: Sequence[float]) -> Space:
    runs: dict[Arch, list[float]] = {}
    for arch, value in zip(archs, top1, strict=True):
        runs.setdefault(arch, []).append(value)
    return Space(
        name, tabulate(list(runs)), sizes(runs), np.array([np.mean(v) for v in runs.values()])
    )


def fit_scaling(published: Published, spaces: Sequence[Space]) -> Scaling:
    """Every source counts alike in the inputs' centre and scale."""
    sources: list[Space | Published] = [*spaces, published]
    parts = [inputs(source.x, source.resolution) for source in sources]
    centre = np.mean([u.mean(axis=0) for u in parts], axis=0)
    scale = np.sqrt(np.mean([((u - centre) ** 2).mean(axis=0) for u in parts], axis=0))
    terms = law_basis(published.x, published.resolution)
    term_centre, term_scale = terms.mean(axis=0), terms.std(axis=0)
    term_centre[0], term_scale[0] = 0.0, 1.0
    return Scaling(*(_rounded(a) for a in (centre, scale + 1e-6, term_centre, term_scale)))


def fit_process(published: Published, scaling: Scaling) -> Process:
    """Condition the process on published figures."""
    z, terms = scaling(*_raw(published))
    factor = whiten(KERNEL, z, terms, published.recipes, published.noise_sd)
    return Process(KERNEL, z, terms, factor, factor.T @ (factor @ published.score))


def fit_expert(space: Space, base: Floats, scaling: Scaling) -> Expert:
    """Ridge regression of what `base`, the process's score, leaves of the space's ranking.

    A point of the space is worth the score that makes `base` right on average over it: least
    squares of top-1 on `base` gives points per score. The mean of `base` stays.
    """
    u = inputs(space.x, space.resolution)
    centre = u.mean(axis=0)
    scale = np.maximum(u.std(axis=0), CONSTANT_SD * scaling.scale)
    z = (u - centre) / scale
    points = np.polyfit(base, space.top1, 1)[0]
    target = (space.top1 - space.top1.mean()) / points - (base - base.mean())
    first, second = np.triu_indices(z.shape[1])
    terms = np.hstack([z, z[:, first] * z[:, second]])
    mean = terms.mean(axis=0)
    penalty = np.repeat([RIDGE, RIDGE * TIGHTER], [z.shape[1], len(first)])
    terms = terms - mean
    coefficients = np.linalg.solve(terms.T @ terms + np.diag(penalty), terms.T @ target)
    linear, pairs = np.split(coefficients, [z.shape[1]])
    constant = float(-mean @ coefficients)
    return Expert(
        space.name, centre, scale, np.abs(z).max(axis=0), constant, linear, symmetric(pairs)
    )


def assemble(process: Process, scaling: Scaling, experts: Sequence[Expert]) -> Surrogate:
    """The parts as one surrogate, for judging and writing."""
    return Surrogate("imagenet", CEILING, scaling, process, tuple(experts), FLOOR_SD, "", {})


def base_score(process: Process, scaling: Scaling, space: Space) -> Floats:
    """Scores of a trained space's networks before any expert."""
    return process.predict(*scaling(*_raw(space)))[0]


def _raw(part: Space | Published) -> tuple[Floats, Floats]:
    return inputs(part.x, part.resolution), law_basis(part.x, part.resolution)


def _rounded(values: Floats) -> Floats:
    return np.array([float(f"{value:.7g}") for value in values])


def held_out_tau(
    space: Space, process: Process, scaling: Scaling, others: Sequence[Expert]
) -> dict[str, float]:
    """Kendall's tau of the surrogate's mean on folds the expert did not see, and of size alone."""
    base = base_score(process, scaling, space)
    order = np.random.default_rng(0).permutation(len(space.x))
    taus = []
    for fold in range(FOLDS):
        held = order[fold::FOLDS]
        seen = np.setdiff1d(order, held)
        expert = fit_expert(space.keep(seen), base[seen], scaling)
        unseen = space.keep(held)
        surrogate = assemble(process, scaling, (*others, expert))
        mean, _ = surrogate.predict_features(unseen.x, unseen.resolution)
        columns = (mean, *unseen.size.T)
        taus.append([kendalltau(column, unseen.top1).statistic for column in columns])
    tau, params, macs = np.mean(taus, axis=0)
    sd = float(np.std([row[0] for row in taus]))
    return {
        "networks": len(space.x),
        "tau": tau,
        "tau_sd": sd,
        "tau_params": params,
        "tau_macs": macs,
    }


def left_out_families(
    published: Published, spaces: Sequence[Space], scaling: Scaling
) -> list[dict[str, Any]]:
    """Per family: error in points when no published figure of it was seen."""
    families = np.array([f.family for f in published.figures])
    rows = []
    for family in sorted(set(families)):
        seen, unseen = published.keep(families != family), published.keep(families == family)
        process = fit_process(seen, scaling)
        experts = [fit_expert(s, base_score(process, scaling, s), scaling) for s in spaces]
        surrogate = assemble(process, scaling, experts)
        mean, sd = surrogate.predict_features(unseen.x, unseen.resolution)
        shift = np.exp(-recipe_offsets(process, seen, unseen.recipes))
        mean, sd = CEILING - (CEILING - mean) * shift, sd * shift
        error = mean - unseen.top1
        sure = np.abs(error) / np.hypot(sd, RUN_SD_POINTS)
        trivial = size_model(seen, unseen) - unseen.top1
        rows.append(
            {
                "family": family,
                "figures": len(unseen.top1),
                "mae": np.abs(error).mean(),
                "bias": error.mean(),
                "mean_sd": sd.mean(),
                "mae_size_model": np.abs(trivial).mean(),
                "within_1_sd": (sure < 1).mean(),
                "within_2_sd": (sure < 2).mean(),
            }
        )
    return rows


def recipe_offsets(process: Process, seen: Published, recipes: Sequence[str]) -> Floats:
    """What each recipe adds to the score, by the figures seen; 0 for the reference and unseen."""
    total = {r: 0.0 for r in recipes}
    for recipe, weight in zip(seen.recipes, process.weights, strict=True):
        if recipe:
            total[recipe] = total.get(recipe, 0.0) + weight
    return KERNEL.recipe_sd**2 * np.array([total[r] for r in recipes])


def size_model(seen: Published, unseen: Published) -> Floats:
    """Top-1 by log-parameters, log-MACs and recipe alone, with the same link."""
    recipes = sorted({r for r in seen.recipes if r})

    def design(part: Published) -> Floats:
        logs = np.log(sizes(figure.arch for figure in part.figures))
        ones = np.ones((len(logs), 1))
        return np.hstack(
            [ones, logs, [[float(r == name) for name in recipes] for r in part.recipes]]
        )

    a = design(seen)
    penalty = np.diag([1e-6] * 3 + [0.1] * len(recipes))
    coefficients = np.linalg.solve(a.T @ a + penalty, a.T @ seen.score)
    return CEILING - np.exp(-design(unseen) @ coefficients)


def write(
    out: Path, surrogate: Surrogate, published: Published, figures: Mapping[str, Any]
) -> None:
    """The artefact's folder, as `nas.accuracy.artefact` reads it."""
    out.mkdir(parents=True, exist_ok=True)
    scaling, experts = surrogate.scaling, surrogate.experts
    parts = [(e.name, (e.centre, e.scale, e.radius, e.linear)) for e in experts]
    columns = [scaling.centre, scaling.scale, *(array for _, arrays in parts for array in arrays)]
    names = [f"{name}_{part}" for name, _ in parts for part in EXPERT_COLUMNS]
    _write_csv(out / "inputs.csv", ["input", "centre", "scale", *names], INPUTS, columns)
    terms = [scaling.term_centre, scaling.term_scale]
    _write_csv(out / "terms.csv", ["term", "centre", "scale"], LAW, terms)
    first, second = np.triu_indices(len(INPUTS))
    pairs = [f"{INPUTS[i]},{INPUTS[j]}" for i, j in zip(first, second, strict=True)]
    upper = [e.pairs[first, second] * np.where(first == second, 1, 2) for e in experts]
    header = ["first", "second", *(e.name for e in experts)]
    _write_csv(out / "pairs.csv", header, pairs, upper)
    named = zip(published.figures, published.recipes, strict=True)
    keys = [f"{figure.arch.name},{recipe}" for figure, recipe in named]
    numbers = [published.noise_sd, surrogate.process.weights, published.resolution, *published.x.T]
    _write_csv(out / "networks.csv", list(NETWORK), keys, numbers)
    (out / "surrogate.yaml").write_text(_yaml(surrogate, figures), encoding="utf-8")


def _rank(recipe: str) -> int:
    own = ("classic", "distilled-300", REFERENCE)
    return own.index(recipe) if recipe in own else len(own)


def write_published(path: Path, figures: Sequence[Figure]) -> None:
    """Every figure with its citation, by family, the authors' own recipe first."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["arch", "top1", "recipe", "source", "place"])
        for f in sorted(figures, key=lambda f: (f.family, f.arch.name, _rank(f.recipe))):
            writer.writerow([f.arch.name, f"{f.top1:g}", f.recipe, f.source, f.place])


def _write_csv(
    path: Path, header: Sequence[str], keys: Sequence[str], columns: Sequence[Floats]
) -> None:
    lines = [",".join(header)]
    for key, *values in zip(keys, *columns, strict=True):
        lines.append(",".join([key, *(f"{value:.8g}" for value in values)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _yaml(surrogate: Surrogate, figures: Mapping[str, Any]) -> str:
    kernel = surrogate.process.kernel
    model = {"ceiling": surrogate.ceiling, "floor_sd": surrogate.floor_sd}
    model |= {name: getattr(kernel, name) for name in KERNEL_FIELDS}
    experts = {expert.name: float(f"{expert.constant:.10g}") for expert in surrogate.experts}
    return HEAD + "".join(
        f"{name}:\n{_indented(content)}"
        for name, content in (("held_out", figures), ("model", model), ("experts", experts))
    )


def _indented(content: Mapping[str, Any]) -> str:
    return "".join(f"  {key}: {_cell(value)}\n" for key, value in content.items())


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_cell(v)}" for k, v in value.items()) + "}"
    return f"{value:.4g}" if isinstance(value, float) and abs(value) > 1e-3 else str(value)


def main() -> None:
    """Read, fit, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--published", type=Path, help="also write the figures of families here")
    arguments = parser.parse_args()
    printed = read_figures(arguments.data)
    figures = merged(printed)
    sides = np.array([float(f.arch.input[1]) for f in figures])
    top1 = np.array([f.top1 for f in figures])
    published = Published(figures, tabulate([f.arch for f in figures]), sides, top1)
    spaces = read_spaces(arguments.data)
    scaling = fit_scaling(published, spaces)
    process = fit_process(published, scaling)
    experts = [fit_expert(s, base_score(process, scaling, s), scaling) for s in spaces]
    held_out = judge(published, spaces, scaling, process, experts)
    write(arguments.out, assemble(process, scaling, experts), published, held_out)
    if arguments.published:
        write_published(arguments.published, printed)
    for key, value in held_out.items():
        print(f"{key}: {_cell(value)}")  # noqa: T201


def judge(
    published: Published,
    spaces: Sequence[Space],
    scaling: Scaling,
    process: Process,
    experts: Sequence[Expert],
) -> dict[str, Any]:
    """All figures on networks not seen."""
    figures: dict[str, Any] = {}
    for index, space in enumerate(spaces):
        others = [expert for i, expert in enumerate(experts) if i != index]
        figures[space.name] = held_out_tau(space, process, scaling, others)
    rows = left_out_families(published, spaces, scaling)
    share = np.array([row["figures"] for row in rows]) / len(published.top1)
    figures["published"] = {
        key: sum(row[key] * part for row, part in zip(rows, share, strict=True))
        for key in ("mae", "mae_size_model", "within_1_sd", "within_2_sd")
    }
    figures |= {f"published {row['family']}": {k: row[k] for k in FAMILY_KEYS} for row in rows}
    return figures


if __name__ == "__main__":
    main()
