"""Networks of three benchmarks as codes of our spaces, checked against their data.

Every network must be a point of the space, with the parameters that the data state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from files import read_rows
from imagenet_networks import accel_nasbench, once_for_all

from nas.evaluate.bench.macro import FILE, code_of
from nas.graph.cost import macs, params
from nas.graph.graph import Graph
from nas.library import load_space
from nas.space.arch import Arch
from nas.space.columns import Floats, Ints
from nas.space.layered import LayeredSpace, build
from nas.space.space import Space

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """A CSV of trained networks."""

    name: str
    """Name of the benchmark and its space."""
    file: str
    arch: Callable[[Row], Arch]
    top1: str
    """Column of the accuracy in points."""
    params: Callable[[Row], int]
    """Column of the parameters, as our table counts them."""
    cites: str
    accuracy: str


@dataclass(frozen=True, slots=True)
class Networks:
    """Distinct networks of a benchmark."""

    space: Space
    codes: Ints
    """(n, P)"""
    top1: Floats
    """(n,) points; the mean where a network was evaluated more than once."""
    sizes: Floats
    """(n, 2): parameters and MACs."""


SOURCES = (
    Source(
        "accel-nasbench",
        "accel_nasbench.csv",
        accel_nasbench,
        "val_top1",
        lambda row: round(float(row["params_M"]) * 1e6),
        "Accel-NASBench, arXiv:2404.08005",
        "ImageNet top-1 after the benchmark's short training of 16 epochs",
    ),
    Source(
        "ofa-mobilenetv3",
        "ofa_mobilenetv3_evals.csv",
        once_for_all,
        "top1",
        lambda row: int(row["params"]) + 1280,  # the bias that its first linear layer lacks
        "once-for-all, arXiv:1908.09791, evaluated by IntelLabs/DyNAS-T",
        "ImageNet top-1 of sub-networks with the weights of the whole",
    ),
)


def read_networks(source: Source, data: Path) -> Networks:
    """Return all networks of a source."""
    rows = read_rows(data / source.file)
    space = load_space(source.name)
    codes = np.array([space.encode(source.arch(row)) for row in rows])
    distinct, first, which = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    sizes = _sizes(space, distinct)
    stated = np.array([source.params(row) for row in rows])
    assert (stated == sizes[which.ravel(), 0]).all(), f"{source.name}: other parameters"
    top1 = np.array([float(row[source.top1]) for row in rows])
    means = np.bincount(which.ravel(), top1) / np.bincount(which.ravel())
    return Networks(space, distinct, means, sizes)


def check_macro(data: Path) -> int:
    """Check the table of NAS-Bench-Macro against its space; return the number of networks."""
    space = load_space("nas-bench-macro")
    rows = read_rows(data / FILE)
    codes = np.array([code_of(space, row["arch"]) for row in rows])
    stated = [(int(row["params"]), float(row["mean_acc"])) for row in rows]
    assert (_sizes(space, codes)[:, 0] == [size for size, _ in stated]).all()
    # leaving out one repeat before another gives the network of the canonical row
    by_name = dict(zip((row["arch"] for row in rows), stated, strict=True))
    assert all(by_name[row["arch"]] == by_name[row["canonical"]] for row in rows)
    distinct = {row["canonical"] for row in rows}
    assert len(distinct) == space.size()
    ids = {space.decode(code_of(space, name)).arch_id for name in sorted(distinct)}
    assert len(ids) == len(distinct)
    return len(distinct)


def _sizes(space: Space, codes: Ints) -> Floats:
    """Return (n, 2) parameters and MACs of codes, from the sums over the layered space."""

    def fold(graph: Graph) -> tuple[int, int]:
        return params(graph), macs(graph)

    return _summed(build(space.table, {"size": fold}), codes)


def _summed(layered: LayeredSpace, codes: Ints) -> Floats:
    total, state = np.zeros((len(codes), 2)), np.zeros(len(codes), np.int64)
    for layer, genes in zip(layered.layers, codes.T, strict=True):
        total += layer.values["size"][state, genes]
        state = layer.next[state, genes].astype(np.int64)
    return total
