"""The data sheet of one network: what is counted, predicted, estimated and published.

Four kinds of figures, each under its own name and never mixed: params and MACs are counted,
milliseconds predicted by a device, top-1 estimated by a surrogate, or printed by the authors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nas.arch import Arch, show_shape, step
from nas.blocks import FIELDS, Row
from nas.cost import params, peak_activation_elements
from nas.graph import Graph
from nas.ops import op_macs, op_params

if TYPE_CHECKING:
    from nas.accuracy import Guess, Surrogate
    from nas.latency.device import Device, Prediction
    from nas.library import Published

ALWAYS = ("k", "exp", "out", "act", "s", "patch")
"""Columns shown wherever an op has them; a default in one of the others goes without saying."""


@dataclass(frozen=True)
class Sheet:
    """One network's figures; what nobody asked for is None."""

    arch: Arch
    fused: bool = False
    """Rows count the fused graph."""
    device: Device | None = None
    prediction: Prediction | None = None
    guess: Guess | None = None
    published: tuple[Published, ...] = ()

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """For each table row its input shape, op, columns, params, MACs and predicted ms."""
        graph = self.arch.fused if self.fused else self.arch.graph
        milliseconds = self.prediction.rows if self.prediction else [None] * len(self.arch.rows)
        return [
            {"in": show_shape(shape)} | row.canonical() | counts | {"ms": ms}
            for shape, row, counts, ms in zip(
                _input_shapes(self.arch),
                self.arch.rows,
                _counts(graph, len(self.arch.rows)),
                milliseconds,
                strict=True,
            )
        ]

    @property
    def columns(self) -> list[str]:
        """Columns to show: rarer ones only where a row departs from its op's default."""
        departs = set(ALWAYS)
        for row, shape in zip(self.arch.rows, _input_shapes(self.arch), strict=True):
            departs |= {name for name in row.canonical() if _departs(row, name, shape[0])}
        return [name for name in FIELDS if name in departs and any(name in r for r in self.rows)]

    def as_json(self) -> dict[str, Any]:
        """Everything, for `--json`."""
        p, g = self.prediction, self.guess
        return {
            "name": self.arch.name,
            "source": self.arch.source,
            "arch_id": self.arch.arch_id,
            "input": list(self.arch.input),
            "params": self.arch.params,
            "fused_params": int(params(self.arch.fused)),
            "macs": self.arch.macs,
            "peak_activation_elements": peak_activation_elements(self.arch.fused),
            "device": self.device and self.device.name,
            "ms": p and p.ms,
            "ms_low": p and p.low_ms,
            "ms_high": p and p.high_ms,
            "ms_fixed": p and p.fixed_ms,
            "flags": list(p.flags) if p else [],
            "top1": g and g.top1,
            "top1_sd": g and g.sd,
            "published": [asdict(figure) for figure in self.published],
            "rows": self.rows,
        }


def sheet(
    arch: Arch,
    device: Device | None = None,
    surrogate: Surrogate | None = None,
    *,
    strict: bool = False,
    fused: bool = False,
) -> Sheet:
    """Collect the figures of one network.

    Raises:
        MissingCostError: `strict`, and the device has no cost for one of its ops.
    """
    from nas.library import published

    return Sheet(
        arch,
        fused,
        device,
        device.predict(arch, strict=strict) if device else None,
        surrogate.predict(arch) if surrogate else None,
        published(arch),
    )


def _input_shapes(arch: Arch) -> Iterator[tuple[int, ...]]:
    shape = arch.input
    for row in arch.rows:
        yield shape
        shape = step(row, shape, arch.input[1])[1]


def _departs(row: Row, name: str, width: int) -> bool:
    """The row's value is not what its op would have taken by default."""
    default = next((f.default for f in fields(row) if f.name == name), MISSING)
    if default is MISSING:
        return name != "op"
    return bool(getattr(replace(row, **{name: default}).resolve(width), name) != getattr(row, name))


def _counts(graph: Graph, n_rows: int) -> list[dict[str, int]]:
    counts = [{"params": 0, "macs": 0} for _ in range(n_rows)]
    for op in graph.ops[1:]:
        counts[op.row]["params"] += int(op_params(op))
        counts[op.row]["macs"] += int(op_macs(op))
    return counts
