"""All published figures that the surrogate's process is fitted to, of tables and of traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from files import read_rows
from imagenet_fit import Published, tabulate
from imagenet_published import DISTILLED, REFERENCE, TIMM, Figure
from imagenet_traced import MOST_PARAMS, TracedFigure, family_of, read_traced
from imagenet_traces import traced_features

from nas.library import load_arch
from nas.space.columns import Floats

MOST_MACS = 25e9
IN_PLACE = "in-place-distilled"
LUMPED = {"efficientnet-lite": "efficientnet", "tinynet": "efficientnet", "other-nas": "mnasnet"}
#: network of pycls -> timm's name and image side; its RegNets are in timm's results too
PYCLS = {
    "EfficientNet-B0": ("efficientnet_b0", 224),
    "EfficientNet-B1": ("efficientnet_b1", 240),
    "EfficientNet-B2": ("efficientnet_b2", 260),
    "EfficientNet-B3": ("efficientnet_b3", 300),
    "EfficientNet-B4": ("efficientnet_b4", 380),
    "ResNet-50": ("resnet50", 224),
    "ResNet-101": ("resnet101", 224),
    "ResNeXt-50": ("resnext50_32x4d", 224),
}
OTHER_IMAGES = "mobilenetv4"
"""Its distilled figures come from more images than ImageNet-1k."""


class SizedFigure(NamedTuple):
    """One figure with all that the fit reads."""

    name: str
    family: str
    recipe: str
    top1: float
    side: float
    x: Floats
    size: tuple[float, float]


def read_published(data: Path, traces: Path, tables: Sequence[Figure]) -> Published:
    """Return one figure per network and recipe: the mean of the printed figures."""
    groups: dict[tuple[str, str], list[SizedFigure]] = {}
    for figure in (*_of_tables(data, tables), *_of_traces(data, traces)):
        if figure.size[0] <= MOST_PARAMS and figure.size[1] <= MOST_MACS:
            groups.setdefault((figure.name, figure.recipe), []).append(figure)
    first = [group[0] for group in groups.values()]
    return Published(
        [figure.name for figure in first],
        [figure.family for figure in first],
        [figure.recipe for figure in first],
        np.array([figure.x for figure in first]),
        np.array([figure.size for figure in first], float),
        np.array([figure.side for figure in first], float),
        np.array([np.mean([f.top1 for f in group]) for group in groups.values()]),
    )


def _of_tables(data: Path, tables: Sequence[Figure]) -> Iterator[SizedFigure]:
    """Figures of networks that the project's rows express; those of timm are traced."""
    own = [figure for figure in tables if figure.source != TIMM]
    own += [
        Figure(load_arch(row["network"].lower()), "alphanet", float(row["top1"]), IN_PLACE, "", "")
        for row in read_rows(data / "alphanet.csv")
    ]
    for figure, x in zip(own, tabulate([figure.arch for figure in own]), strict=True):
        arch, family = figure.arch, LUMPED.get(figure.family, figure.family)
        recipe = DISTILLED if figure.recipe == "distilled-300" else figure.recipe
        size = float(arch.params), float(arch.macs)
        yield SizedFigure(arch.name, family, recipe, figure.top1, arch.input[1], x, size)


def _of_traces(data: Path, traces: Path) -> Iterator[SizedFigure]:
    listed = [*read_traced(data), *_pycls(data)]
    known = {(figure.model, figure.recipe) for figure in listed}
    listed += [f for f in _recent(data) if (f.model, f.recipe) not in known]
    for figure in listed:
        found = traced_features(traces, figure.name)
        size = found.params, found.macs
        family, recipe, top1 = figure.family, figure.recipe, figure.top1
        yield SizedFigure(figure.name, family, recipe, top1, figure.side, found.features, size)


def _pycls(data: Path) -> Iterator[TracedFigure]:
    for row in read_rows(data / "pycls_baselines.csv"):
        if row["network"] in PYCLS:
            model, side = PYCLS[row["network"]]
            top1, place = float(row["top1"]), row["network"]
            yield TracedFigure(model, side, family_of(model), "pycls-100", top1, place)


def _recent(data: Path) -> Iterator[TracedFigure]:
    """Figures of recent mobile networks that timm can build."""
    import timm

    for row in read_rows(data / "recent_networks.csv"):
        model, side = row["timm_name"], int(row["resolution"])
        for recipe in (REFERENCE, DISTILLED) if timm.is_model(model) else ():
            other = recipe == DISTILLED and model.startswith(OTHER_IMAGES)
            if (cell := row[f"top1_{recipe}"]) and not other:
                yield TracedFigure(model, side, family_of(model), recipe, float(cell), model)
