"""Factor on the cost of a kernel's class that is smooth in the kernel's shape.

The factor is the posterior mean of a Gaussian process over log shapes. `residual.csv` stores it as
a table of reference kernels, and of whole kinds of kernels, each with a weight. The factor of a
kernel is 1 plus the sum of the weights times its similarities. Costs stay additive, so pricing a
space does not change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.errors import DocumentError, UnknownNameError
from nas.files.csv import read_csv, write_csv
from nas.gp import squared_distances
from nas.graph.ops import ACTIVATIONS, KINDS
from nas.latency.kernels import CLASSES, Kernel
from nas.space.columns import ColumnSplit, Floats

FILE = "residual.csv"
SCALES = {
    "log2_mmacs": 2.0,
    "log2_weight_mb": 2.0,
    "log2_activation_mb": 2.0,
    "log2_in": 1.5,
    "log2_out": 1.5,
    "log2_k": 1.0,
    "log2_s": 1.0,
    "log2_padded_in": 0.2,
    "log2_padded_out": 0.2,
}
"""Length scale of each feature."""
LANES = 16
"""Numbers that a vector register holds if a device does not say, as of fp32 in AVX-512. Kernels pad
channels to a multiple of it."""
OPS = (*KINDS, *ACTIVATIONS, "softmax", "softplus")
COLUMNS = ("cls", "kind", *SCALES, "weight")
SMALL = 1e-4
"""Mega-MACs and MB below which smaller amounts make no difference."""
OTHER_KIND = 0.4
"""Largest similarity of two kernels of one class with different ops."""
LOW, HIGH = 0.1, 20.0
"""Range of factors; the fit is wrong beyond it. LiteRT's 7 x 7 depthwise convolutions cost 6 times
their work's share, as XNNPACK has no kernel for them."""
CHUNK = 4096
"""Kernels compared at a time: the comparison stays in the cache."""


def kind_of(kernel: Kernel) -> str:
    """Name of kernels that run the same code: an activation's function, or `conv 7` by size."""
    attrs = kernel.op.attrs
    name, sizes = attrs.get("fn", kernel.op.kind), np.ravel(attrs.get("k", 1))
    if np.any(other := sizes != sizes[0]):
        raise ColumnSplit(other)
    return f"{name} {sizes[0]}" if sizes[0] > 1 else str(name)


def shape_of(kernel: Kernel, lanes: int = LANES) -> Floats:
    """Features of `SCALES`, each divided by its scale. Shapes: (n, F), n = 1 unless columns."""
    op = kernel.op
    work = (kernel.mmacs, kernel.weight_mb, kernel.activation_mb)
    numbers = [np.asarray(amount, float) + SMALL for amount in work]
    channels = [np.asarray(_channels(shape), float) for shape in (op.in_shapes[0], op.shape)]
    numbers += channels
    numbers += [np.asarray(op.attrs.get(name, 1), float) for name in ("k", "s")]
    numbers += [np.ceil(c / lanes) * lanes / c for c in channels]
    together = np.stack(np.broadcast_arrays(*numbers), axis=-1)
    scaled: Floats = np.log2(together) / list(SCALES.values())
    return scaled.reshape(-1, len(SCALES))


def _channels(shape: Sequence[Any]) -> Any:
    return shape[0] if len(shape) == 3 else shape[-1]


@dataclass(frozen=True, slots=True)
class KernelPoints:
    """Reference kernels of one class."""

    kinds: tuple[str, ...]
    shapes: Floats
    """(m, F); NaN for a whole kind."""

    def similarity(self, kinds: ArrayLike, shapes: Floats) -> Floats:
        """Similarity of kernels of one kind, or of a kind each, to the points, at most 1.

        Shapes: kinds () or (n,), shapes (n, F) -> (n, m).
        """
        apart = squared_distances(shapes, np.nan_to_num(self.shapes))
        same = np.asarray(kinds)[..., None] == np.array(self.kinds)
        near = np.where(same, 1.0, OTHER_KIND) / (1 + apart / 2)
        found: Floats = np.where(self.of_kinds, same, near)
        return found

    @property
    def of_kinds(self) -> NDArray[np.bool_]:
        """(m,) whether a point stands for a whole kind."""
        found: NDArray[np.bool_] = np.isnan(self.shapes[:, 0])
        return found


@dataclass(frozen=True, slots=True)
class Residual:
    """Factors on the costs of a device's kernels."""

    points: Mapping[str, KernelPoints] = field(default_factory=dict)
    """Kernel class -> its points."""
    weights: Mapping[str, Floats] = field(default_factory=dict)
    lanes: int = LANES
    """Numbers that a vector register of the device holds."""

    def factor(self, kernel: Kernel) -> Any:
        """Factor of a kernel; an array for columns, and 1 for a class without points."""
        if kernel.cls not in self.points:
            return 1.0
        points, weights, kind = self.points[kernel.cls], self.weights[kernel.cls], kind_of(kernel)
        shapes = shape_of(kernel, self.lanes)
        parts = [
            points.similarity(kind, shapes[start : start + CHUNK]) @ weights
            for start in range(0, len(shapes), CHUNK)
        ]
        factors = np.clip(1 + np.concatenate(parts), LOW, HIGH)
        return factors if len(factors) > 1 else float(factors[0])


def write_residual(path: Path, residual: Residual) -> None:
    """Write `residual.csv`."""
    rows = []
    for cls, points in residual.points.items():
        unscaled = points.shapes * list(SCALES.values())
        for kind, shape, weight in zip(points.kinds, unscaled, residual.weights[cls], strict=True):
            cells = ("" if np.isnan(x) else f"{x:.5g}" for x in shape)
            rows.append([cls, kind, *cells, f"{weight:.6g}"])
    write_csv(path, COLUMNS, rows)


def read_residual(path: Path, lanes: int = LANES) -> Residual:
    """Read `residual.csv` of a device with so many lanes.

    Raises:
        DocumentError: naming file, line and column.
    """
    found: dict[str, list[tuple[str, list[float]]]] = {}
    for row in read_csv(path, COLUMNS, closed=True):
        cls, kind = row.name("cls", "kernel class", CLASSES), row.cells["kind"]
        if kind.partition(" ")[0] not in OPS:
            raise DocumentError(str(UnknownNameError("op", kind, OPS, row.where)))
        of_kind = not any(row.cells[column] for column in SCALES)
        shape = [np.nan if of_kind else row.number(column) for column in SCALES]
        found.setdefault(cls, []).append((kind, [*shape, row.number("weight")]))
    points, weights = {}, {}
    for cls, rows in found.items():
        table = np.array([numbers for _, numbers in rows])
        kinds = tuple(kind for kind, _ in rows)
        points[cls] = KernelPoints(kinds, table[:, :-1] / list(SCALES.values()))
        weights[cls] = table[:, -1]
    return Residual(points, weights, lanes)
