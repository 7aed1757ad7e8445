"""Fit the accuracy surrogate `imagenet`, test it on networks left out, and write its folder.

    python benchmarks/fit_imagenet_surrogate.py --data DIR --traces DIR --out predictors/imagenet

The data are accel_nasbench.csv, ofa_mobilenetv3_evals.csv, timm_results_imagenet.csv,
published_latency.csv, pycls_baselines.csv, alphanet.csv and recent_networks.csv. To trace all
networks takes an hour on one core, after which their features are in the folder of traces; to fit
takes some minutes. The same files give the same folder. Prints and writes Kendall's tau on held-out
networks of each trained space, beside that of parameters and of MACs alone; the error on each
published family left out, beside that of a linear model of log-parameters and log-MACs with the
same link; and the share of figures within one and two sd.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from imagenet_fit import (
    Published,
    assemble,
    distillation,
    fit_experts,
    fit_process,
    fit_scaling,
    named_representatives,
    read_spaces,
)
from imagenet_held_out import held_out_figures
from imagenet_published import REFERENCE, Figure, read_figures
from imagenet_sources import read_published

from nas.accuracy.artefact import NETWORK
from nas.accuracy.inputs import INPUTS, LAW
from nas.accuracy.surrogate import Surrogate
from nas.files.csv import read_csv, write_csv
from nas.space.columns import Floats

EXPERT_COLUMNS = ("centre", "scale", "radius", "linear")
HEAD = """schema: 1
name: imagenet
made: "2026-11-30, benchmarks/fit_imagenet_surrogate.py"
reference: >-
  supervised training on ImageNet-1k with a modern recipe (about 300 epochs, RandAugment and such)
  at the network's own resolution; no distillation, no further data, single crop
sources:
  - "Accel-NASBench, arXiv:2404.08005: MBConv networks after 16 epochs; used to rank only"
  - "once-for-all MobileNetV3 sub-networks, IntelLabs/DyNAS-T; used to rank only"
  - "pytorch-image-models, results/results-imagenet.csv; weights that saw ImageNet-1k alone"
  - "facebookresearch/pycls, dev/model_error.json; 100 epochs, mean of five runs"
  - "arXiv:2102.07954 (AlphaNet); in-place distillation inside a supernet"
  - "model tables of MobileNetV2, MnasNet and EfficientNet-Lite by their authors; PaddleClas"
  - "arXiv:2307.09283 (RepViT), 2404.10518 (MobileNetV4), 2501.15369 (iFormer)"
  - "arXiv:2303.14189 (FastViT)"
  - "arXiv:2212.08059 (EfficientFormerV2), 2403.19967 (StarNet), 2401.16456 (SHViT)"
  - "arXiv:2404.11202 (GhostNetV3), 2303.15446 (SwiftFormer), 2006.02049 (FBNetV3)"
"""


def main() -> None:
    """Read, fit, test, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--traces", type=Path, required=True, help="features of traced networks")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--published", type=Path, help="also write the figures of families here")
    arguments = parser.parse_args()
    printed = read_figures(arguments.data)
    published = read_published(arguments.data, arguments.traces, printed)
    spaces = read_spaces(arguments.data)
    scaling = fit_scaling(published, spaces)
    process = fit_process(published, scaling)
    experts = fit_experts(process, scaling, spaces)
    gain = distillation(published, scaling)
    held_out = held_out_figures(published, spaces, scaling, process, experts)
    shown = named_representatives(published, scaling)
    write(arguments.out, assemble(process, scaling, experts, gain), shown, held_out)
    if arguments.published:
        write_published(arguments.published, printed)
    for key, value in held_out.items():
        print(f"{key}: {_cell(value)}")  # noqa: T201


def write(
    out: Path, surrogate: Surrogate, published: Published, figures: Mapping[str, Any]
) -> None:
    """Write the folder that `nas.accuracy.artefact` reads."""
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
    posterior = surrogate.process.posterior
    numbers = [posterior.weights, published.resolution, *published.x.T]
    _write_csv(out / "networks.csv", list(NETWORK), published.names, numbers)
    header = ["network", *published.names]
    _write_csv(out / "factor.csv", header, published.names, list(posterior.factor.T))
    (out / "surrogate.yaml").write_text(_yaml(surrogate, figures), encoding="utf-8")


def _rank(recipe: str) -> int:
    own = ("classic", "distilled-300", REFERENCE)
    return own.index(recipe) if recipe in own else len(own)


def write_published(path: Path, figures: Sequence[Figure]) -> None:
    """Write every figure with its citation, by family; figures of other networks stay."""
    made = {figure.arch.name for figure in figures}
    columns = ["arch", "top1", "recipe", "source", "place"]
    others = [row.cells for row in read_csv(path, columns) if row.cells["arch"] not in made]
    ordered = sorted(figures, key=lambda f: (f.family, f.arch.name, _rank(f.recipe)))
    rows = [[f.arch.name, f"{f.top1:g}", f.recipe, f.source, f.place] for f in ordered]
    write_csv(path, columns, [*rows, *others])


def _write_csv(
    path: Path, header: Sequence[str], keys: Sequence[str], columns: Sequence[Floats]
) -> None:
    rows = zip(keys, *columns, strict=True)
    cells = ([*key.split(","), *(f"{value:.10g}" for value in own)] for key, *own in rows)
    write_csv(path, header, cells)


def _yaml(surrogate: Surrogate, figures: Mapping[str, Any]) -> str:
    gain = surrogate.distillation
    model = {"ceiling": surrogate.ceiling, "floor_sd": surrogate.floor_sd}
    model |= {"distilled_gain": gain.gain, "distilled_gain_sd": gain.gain_sd}
    model |= asdict(surrogate.process.covariance)
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


if __name__ == "__main__":
    main()
