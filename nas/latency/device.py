"""A device predicts milliseconds of a network: a fixed part and a sum over kernels, with bounds.

A measured device corrects that sum to whole networks (`nas.latency.correction`).

A device is a folder of text, `predictors/NAME/`: `device.yaml` (hardware, runtime, statistic, date,
sources of every figure, held-out errors, interval) and `kernels.csv`, one row of coefficients per
kernel class (`nas.latency.kernels`). Its milliseconds are called predicted, never measured. They
are additive over table rows, so pricing and prediction are the same sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import exp, log
from operator import attrgetter
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.errors import BudgetError, MissingCostError
from nas.files import html
from nas.files.resources import content_hash, find
from nas.graph.graph import Graph
from nas.graph.lint import leaving_ops
from nas.latency.correction import NO_CORRECTION, NetworkCorrection
from nas.latency.files import ClassCost, fitted_hash, read_info, read_kernels
from nas.latency.kernels import BYTES, COMPUTE, MOVE, Kernel, kernels
from nas.latency.residual import FILE, LANES, Residual, read_residual
from nas.space.arch import Arch
from nas.system.extras import require

if TYPE_CHECKING:
    from pandas import DataFrame

EDITED = "the device was edited by hand since it was fitted; its errors do not describe it"
LINT_TARGETS = (("Core ML", "", "coreml"), ("TensorFlow Lite", "Hexagon DSP", "hexagon"))
"""Start of a runtime's name, part of the hardware's, and their lint target."""


def lint_target(runtime: str, hardware: str) -> str | None:
    """Target in `nas.graph.lint` of a runtime on hardware, if ops may leave its accelerator."""
    found = (t for name, part, t in LINT_TARGETS if runtime.startswith(name) and part in hardware)
    return next(found, None)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Milliseconds of one network; `sum(rows) + fixed_ms == ms`."""

    ms: float
    low_ms: float
    high_ms: float
    rows: tuple[float, ...]
    """Milliseconds of each table row."""
    fixed_ms: float
    flags: tuple[str, ...]
    """Reasons to distrust the prediction, each naming row and op."""
    device: str = ""
    arch: Arch | None = None
    """None for a traced network, whose rows are submodules."""
    leaves: bool = False
    """Whether an op may leave the accelerator, which widens the interval."""

    def to_frame(self) -> DataFrame:
        """Predicted milliseconds of every row, beside the table's cells if there is a table."""
        if self.arch is not None:
            return self.arch.to_frame(self.rows)
        rows = {"row": range(1, len(self.rows) + 1), "predicted_ms": self.rows}
        return require("notebook").DataFrame(rows)

    def __repr__(self) -> str:
        where = f" on {self.device}" if self.device else ""
        flags = f", flags: {len(self.flags)}" if self.flags else ""
        return f"<Prediction {self._interval()}{where}{flags}>"

    def _repr_html_(self) -> str:
        title = f"{self.device}: {self._interval()} predicted, {self.fixed_ms:.3f} of it fixed"
        if self.arch is not None:
            shown = self.arch.to_html(self.rows, title=f"{self.arch.name} on {title}")
        else:
            rows = [(str(row), f"{ms:.3f}") for row, ms in enumerate(self.rows, 1)]
            shown = html.table(["row"], ["predicted ms"], rows, title=title)
        return shown + html.facts(("caution", flag) for flag in self.flags)

    def _interval(self) -> str:
        return f"{self.ms:.3f} ms [{self.low_ms:.3f}, {self.high_ms:.3f}]"


@dataclass(frozen=True, slots=True)
class Device:
    """A calibrated additive latency model."""

    name: str
    info: Mapping[str, Any]
    """`device.yaml` as read."""
    table: Mapping[str, ClassCost]
    """Kernel class -> its costs."""
    content_hash: str = ""
    """12 hex digits over the folder's files; empty if the device was not read from one."""
    edited: bool = False
    """Its files changed since they were fitted."""
    residual: Residual = field(default_factory=Residual)
    """Factors on the table's costs."""
    correction: NetworkCorrection = NO_CORRECTION
    """Correction of the sum over kernels to the network."""
    origin: str = field(default="", compare=False)
    """The `device.yaml` it was read from; empty if there is none."""

    def __repr__(self) -> str:
        return f"<Device {self.name}: {dict(self._facts())['of']}>"

    def _repr_html_(self) -> str:
        return html.facts(self._facts(), title=self.name)

    def _facts(self) -> Iterator[tuple[str, str]]:
        info, error = self.info, self.info["held_out"]
        yield "of", f"{info['hardware']}, {info['runtime']} {info['version']}, {info['precision']}"
        yield "figures", f"{self.unit}, {info['statistic']}"
        yield (
            "median error",
            f"{error['median_error_pct']:.1f} % on {error['networks']} networks held out"
            f" (size alone: {error['trivial_median_error_pct']:.1f} %)",
        )
        if self.edited:
            yield "caution", EDITED

    @property
    def fixed_ms(self) -> float:
        """Milliseconds of an empty network, before `correction`."""
        return float(self.info["fixed_ms"])

    @property
    def unit(self) -> str:
        """Unit of its predictions: latency of one image, or at a batch the time per image."""
        batch = self.info["batch"]
        return "ms" if batch == 1 else f"ms per image at batch {batch}"

    @property
    def lint_target(self) -> str | None:
        """Target of its runtime in `nas.graph.lint`, whose findings are flags of a prediction."""
        return lint_target(self.info["runtime"], self.info["hardware"])

    @property
    def held_out(self) -> Mapping[str, Any]:
        """Errors on families left out of the fit, and the trivial model's errors on them."""
        return dict(self.info["held_out"])

    def bounds(self, ms: Any, *, leaves: bool = False) -> tuple[Any, Any]:
        """Lower and upper bound of a prediction; elementwise for an array.

        `leaves` is whether an op of the network may leave the accelerator.
        """
        interval = self._interval(leaves=leaves)
        return ms * interval["low_ratio"], ms * interval["high_ratio"]

    def _interval(self, *, leaves: bool) -> Mapping[str, Any]:
        key = "interval_leaving" if leaves and "interval_leaving" in self.info else "interval"
        interval: Mapping[str, Any] = self.info[key]
        return interval

    def at_confidence(self, confidence: float, *, leaves: bool = False) -> float:
        """Ratio of the latency that is not exceeded with this probability to the estimate.

        The estimate is the median and the interval's ends are quantiles; each side is log-normal
        with its own spread.

        Raises:
            BudgetError: the confidence is not between 0 and 1.
        """
        if not 0 < confidence < 1:
            raise BudgetError(f"expected a confidence between 0 and 1, found {confidence}")
        z = NormalDist().inv_cdf(confidence)
        return exp(z * self._log_sd(above=z > 0, leaves=leaves))

    def probability_within(self, ms: float, budget_ms: float, *, leaves: bool = False) -> float:
        """Probability that a network predicted at `ms` meets the budget; see `at_confidence`."""
        excess = log(budget_ms / ms)
        return NormalDist().cdf(excess / self._log_sd(above=excess > 0, leaves=leaves))

    def _log_sd(self, *, above: bool, leaves: bool) -> float:
        interval = self._interval(leaves=leaves)
        ratio = interval["high_ratio"] if above else 1 / interval["low_ratio"]
        # the spread is zero if an end of the interval is the estimate itself
        return max(log(ratio), 1e-9) / NormalDist().inv_cdf((1 + interval["level"]) / 2)

    def graph_ms(self, graph: Graph) -> Any:
        """Milliseconds of a (row) graph as trained, without `fixed_ms` and before `correction`.

        A float; an array for a graph of columns. An op kind without a class is interpolated.
        """
        total = sum(self.kernel_ms(kernel) for kernel in self.kernels(graph))
        return np.asarray(total) if isinstance(total, np.ndarray) else float(total)

    def predict(self, network: Arch | Graph, *, strict: bool = False) -> Prediction:
        """Milliseconds of a network and of each of its rows.

        Raises:
            MissingCostError: strict, and the device has no coefficients for an op kind.
        """
        graph = network.graph if isinstance(network, Arch) else network
        rows = [0.0] * (1 + max(0, *(op.row for op in graph.ops)))
        notes: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for kernel in self.kernels(graph):
            if strict and kernel.cls not in self.table:
                raise MissingCostError(f"{self.name}: {self._missing(kernel)}")
            rows[max(0, kernel.op.row)] += float(self.kernel_ms(kernel))
            for note in self._notes(kernel):
                notes[note].append((kernel.op.row, kernel.op.name))
        leaving = leaving_ops(graph, self.lint_target)
        for finding in leaving:
            notes[finding.why] += [(finding.row, name) for name in finding.ops]
        ratio = float(self.correction.ratio(sum(rows) + self.fixed_ms))
        rows, fixed_ms = [row * ratio for row in rows], self.fixed_ms * ratio
        ms = sum(rows) + fixed_ms
        low, high = self.bounds(ms, leaves=bool(leaving))
        flags = tuple(_flag(note, found) for note, found in notes.items())
        flags = (EDITED, *flags) if self.edited else flags
        arch = network if isinstance(network, Arch) else None
        return Prediction(
            ms, low, high, tuple(rows), fixed_ms, flags, self.name, arch, bool(leaving)
        )

    def kernels(self, graph: Graph) -> Iterator[Kernel]:
        """Kernels that the device's runtime executes for a graph as trained."""
        return kernels(graph, BYTES[self.info["precision"]], self.info["fuses"])

    def kernel_ms(self, kernel: Kernel) -> Any:
        """Milliseconds of one kernel, before `correction`."""
        us = self._cost(kernel).us(kernel, self.info["on_chip_mb"])
        return us * self.residual.factor(kernel) / 1000

    def _cost(self, kernel: Kernel) -> ClassCost:
        return self.costs_of(kernel.cls, multiplies=bool(np.any(kernel.mmacs > 0)))

    def costs_of(self, cls: str, *, multiplies: bool | None = None) -> ClassCost:
        """Costs of a class; if the table lacks it, the highest costs of similar classes."""
        if cls in self.table:
            return self.table[cls]
        if multiplies is None:
            multiplies = cls in COMPUTE
        alike, term = (COMPUTE, "us_per_mmac") if multiplies else (MOVE, "overhead_us")
        known = [self.table[cls] for cls in alike if cls in self.table]
        return max(known or self.table.values(), key=attrgetter(term))

    def _missing(self, kernel: Kernel) -> str:
        op = kernel.op
        return (
            f"row {op.row + 1}, op {op.name}: no coefficients for {op.kind} {op.in_shapes[0]};"
            f" nearest known: {self._cost(kernel).cls}"
        )

    def _notes(self, kernel: Kernel) -> Iterator[str]:
        if kernel.cls not in self.table:
            yield f"no coefficients for {kernel.op.kind}, priced as {self._cost(kernel).cls}"
            return
        cost = self.table[kernel.cls]
        if kernel.mmacs > cost.max_mmacs or kernel.activation_mb > cost.max_activation_mb:
            yield f"larger than any {kernel.cls} of the networks it was calibrated on"


def _flag(note: str, found: list[tuple[int, str]]) -> str:
    row, name = found[0]
    more = f" (and {len(found) - 1} more ops)" if len(found) > 1 else ""
    return f"row {row + 1}, {name}{more}: {note}"


def load_device(name: str | Path) -> Device:
    """The shipped device of this name, or the one in this folder.

    Raises:
        UnknownNameError: there is no such device.
        DocumentError: the folder breaks the schema.
    """
    path = find("device", name)
    info = read_info(path)
    kernels_csv = path.with_name("kernels.csv")
    table = read_kernels(kernels_csv)
    residual_csv, residual = path.with_name(FILE), Residual()
    files = [kernels_csv]
    if residual_csv.exists():
        files.append(residual_csv)
        residual = read_residual(residual_csv, info.get("lanes", LANES))
    edited = info.get("hash") != fitted_hash(info, *files)
    correction = NetworkCorrection(**info["whole"]) if "whole" in info else NO_CORRECTION
    found = content_hash(path, *files)
    return Device(info["name"], info, table, found, edited, residual, correction, str(path))
