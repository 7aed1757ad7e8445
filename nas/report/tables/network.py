"""The data summary of one network: what is counted, predicted, estimated and published.

Four kinds of figures, each under its own name and never mixed: params and MACs are counted,
milliseconds predicted by a device, top-1 estimated by a surrogate, or printed by the authors. A
traced network has no estimate: the surrogate reads a table's rows, which are blocks, and its rows
are stages.
"""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields, replace
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from nas.blocks import FIELDS, Row
from nas.errors import TraceError
from nas.graph.cost import peak_activation_elements
from nas.graph.ops import op_macs, op_params
from nas.space.arch import Arch, show_shape

if TYPE_CHECKING:
    from nas.accuracy import AccuracyEstimate, Surrogate
    from nas.latency.device import Device, Prediction
    from nas.library import Published
    from nas.modules.networks import Network
    from nas.modules.tracing.trace import CountCheck

ALWAYS = ("k", "exp", "out", "act", "s", "patch")
"""Columns shown wherever an op has them; a default in one of the others goes without saying."""


@dataclass(frozen=True)
class NetworkSummary:
    """One network's figures; what nobody asked for is None."""

    arch: Network
    fused: bool = False
    """Rows count the fused graph."""
    device: Device | None = None
    prediction: Prediction | None = None
    guess: AccuracyEstimate | None = None
    published: tuple[Published, ...] = ()

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """For each table row its input shape, op, columns, params, MACs and predicted ms."""
        counts = _counts(self.arch, fused=self.fused)
        milliseconds = self.prediction.rows if self.prediction else ()
        parts = zip_longest(_heads(self.arch), counts, milliseconds)  # rows without ops take none
        return [head | count | {"ms": ms} for head, count, ms in parts]

    @property
    def columns(self) -> list[str]:
        """Columns to show: rarer ones only where a row departs from its op's default."""
        if not isinstance(self.arch, Arch):
            return []
        departs = set(ALWAYS)
        for row, shape in zip(self.arch.rows, self.arch.shapes, strict=False):
            departs |= {name for name in row.canonical() if _departs(row, name, shape[0])}
        return [name for name in FIELDS if name in departs and any(name in r for r in self.rows)]

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Calls of a traced network whose work is unknown."""
        return () if isinstance(self.arch, Arch) else self.arch.unmapped

    @property
    def check(self) -> CountCheck | None:
        """What the counts of a traced network were held against."""
        return None if isinstance(self.arch, Arch) else self.arch.check

    def _check(self) -> dict[str, Any]:
        if (check := self.check) is None:
            return {"unread": [], "torch_macs": None, "by_rule": [], "differences": []}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in check._asdict().items()}

    def as_json(self) -> dict[str, Any]:
        """Everything, for `--json`."""
        p, g = self.prediction, self.guess
        return {
            "name": self.arch.name,
            "source": self.arch.source,
            "arch_id": self.arch.arch_id if isinstance(self.arch, Arch) else None,
            "unmapped": list(self.unmapped),
            **self._check(),
            "input": list(self.arch.input),
            "params": self.arch.params,
            "fused_params": sum(row["params"] for row in _counts(self.arch, fused=True)),
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


def summarise(
    arch: Network,
    device: Device | None = None,
    surrogate: Surrogate | None = None,
    *,
    strict: bool = False,
    fused: bool = False,
) -> NetworkSummary:
    """Collect the figures of one network.

    Raises:
        MissingCostError: `strict`, and the device has no cost for one of its ops.
        TraceError: `strict`, and the work of a call is unknown or a count is in doubt.
    """
    from nas.library import published

    table = arch if isinstance(arch, Arch) else None
    prediction = device.predict(arch.graph, strict=strict) if device else None
    if strict and not isinstance(arch, Arch):
        for doubt in (*arch.unmapped, *arch.check.differences):
            raise TraceError(f"{arch.name}: {doubt}; leave out --strict to see its other figures")
    return NetworkSummary(
        arch,
        fused,
        device,
        prediction,
        surrogate.predict(table) if surrogate and table else None,
        published(table) if table else (),
    )


def _heads(arch: Network) -> list[dict[str, Any]]:
    """What each row is: a table's own columns, or the path of a traced submodule."""
    if isinstance(arch, Arch):
        pairs = zip(arch.shapes, arch.rows, strict=False)
        return [{"in": show_shape(shape)} | row.canonical() for shape, row in pairs]
    first = {op.row: op.in_shapes[0] for op in reversed(arch.graph.ops) if op.inputs}
    return [
        {"in": show_shape(first[index]) if index in first else "", "op": row.name or "(none)"}
        for index, row in enumerate(arch.rows)
    ]


def _departs(row: Row, name: str, width: int) -> bool:
    """The row's value is not what its op would have taken by default."""
    default = next((f.default for f in fields(row) if f.name == name), MISSING)
    if default is MISSING:
        return name != "op"
    return bool(getattr(replace(row, **{name: default}).resolve(width), name) != getattr(row, name))


def _counts(arch: Network, *, fused: bool) -> list[dict[str, int]]:
    """Params and MACs of each row."""
    counts = [{"params": 0, "macs": 0} for _ in arch.rows]
    for op in (arch.fused if fused else arch.graph).ops[1:]:
        counts[op.row]["params"] += int(op_params(op))
        counts[op.row]["macs"] += int(op_macs(op))
    if not isinstance(arch, Arch):
        # a trace's ops count what is read: the module's own parameters, less what fusing saves
        for op in arch.graph.ops[1:]:
            counts[op.row]["params"] -= int(op_params(op))
        for row, count in zip(arch.rows, counts, strict=True):
            count["params"] += row.params
    return counts
