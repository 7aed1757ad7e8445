"""The kernels that a runtime executes for a network, or for some of its rows, as arrays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from nas.graph.graph import Graph
from nas.latency.kernels import BYTES, CLASSES, Kernel, kernels
from nas.latency.residual import LANES, KernelPoints, kind_of, shape_of
from nas.space.columns import Floats, Ints

ALL_ON_CHIP = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """K kernels in the order of execution."""

    kernels: tuple[Kernel, ...]
    classes: Ints
    """(K,) index into `CLASSES`"""
    kinds: tuple[str, ...]
    shapes: Floats
    """(K, F), as `shape_of`"""
    amounts: Floats
    """(K, 4): launches, mega-MACs, MB of weights, MB of activations"""
    rows: Ints
    """(K,)"""
    ends_mb: tuple[float, float]
    """MB of the network's input and output."""

    @property
    def weight_mb(self) -> float:
        """Sum over all kernels."""
        return float(self.amounts[:, 2].sum())

    def between(self, start: int, stop: int, ends_mb: tuple[float, float]) -> Load:
        """Return the kernels of rows `start` to `stop` as a separate network."""
        own = np.flatnonzero((self.rows >= start) & (self.rows < stop))
        parts, kinds = zip(*((self.kernels[i], self.kinds[i]) for i in own), strict=True)
        arrays = (self.shapes[own], self.amounts[own], self.rows[own])
        return Load(parts, self.classes[own], kinds, *arrays, ends_mb)

    def work(self, on_chip_mb: float) -> Floats:
        """(K, terms) as `Kernel.work`."""
        spilled = np.maximum(self.amounts[:, -1:] - on_chip_mb, 0)
        return np.hstack([self.amounts, spilled])

    def summed(self, on_chip_mb: float, factors: Floats | float = 1.0) -> Floats:
        """(classes, terms) as `calibrate.work_of`, each kernel multiplied by its factor."""
        total = np.zeros((len(CLASSES), self.amounts.shape[1] + 1))
        np.add.at(total, self.classes, (self.work(on_chip_mb).T * factors).T)
        return total

    def similarity(self, points: Mapping[str, KernelPoints]) -> Floats:
        """How alike each kernel is to every point, 0 across classes. Shapes: (K, m)."""
        found = []
        for cls, own in points.items():
            block = np.zeros((len(self.kinds), len(own.kinds)))
            inside = self.classes == CLASSES.index(cls)
            block[inside] = own.similarity(np.array(self.kinds)[inside], self.shapes[inside])
            found.append(block)
        return np.hstack(found)


def load_of(graph: Graph, precision: str, fuses: Collection[str], lanes: int = LANES) -> Load:
    """Return the kernels of a graph as trained."""
    found = tuple(kernels(graph, BYTES[precision], fuses))
    mb = BYTES[precision] / 1e6
    return Load(
        found,
        np.array([CLASSES.index(kernel.cls) for kernel in found]),
        tuple(kind_of(kernel) for kernel in found),
        np.concatenate([shape_of(kernel, lanes) for kernel in found]),
        np.array([kernel.work(ALL_ON_CHIP)[:4] for kernel in found], float),
        np.array([kernel.op.row for kernel in found]),
        (prod(graph.ops[0].shape) * mb, prod(graph.shape) * mb),
    )
