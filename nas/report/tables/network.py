"""Summary of one network: counted, predicted, estimated and published figures.

Each kind has its own name: params and MACs are counted, milliseconds are predicted by a device,
top-1 is estimated by a surrogate or published by the authors, for supervised training and for
training with a teacher apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.blocks import FIELDS, Row
from nas.errors import TraceError
from nas.files.resources import exists
from nas.graph.cost import peak_activation_elements, row_costs
from nas.graph.ops import op_params
from nas.report.tables.text import interval
from nas.space.arch import Arch, show_shape

if TYPE_CHECKING:
    from nas.accuracy import AccuracyEstimate, Surrogate
    from nas.latency.device import Device, Prediction
    from nas.library import Published
    from nas.modules.networks import Network
    from nas.modules.tracing.trace import CountCheck
    from nas.report.folders.trained import TrainedTop1

IMAGENET_CLASSES = 1000
MAP_RANK = 3
NO_ESTIMATE = "none: estimates are of ImageNet's 1,000 classes"
ALWAYS = ("k", "exp", "out", "act", "s", "patch")
"""Columns always shown if an op has them; others only if a value is not the default."""


@dataclass(frozen=True)
class NetworkSummary:
    """Figures of one network; None if not requested."""

    arch: Network
    fused: bool = False
    """Count params and MACs of the fused graph."""
    device: Device | None = None
    prediction: Prediction | None = None
    guess: AccuracyEstimate | None = None
    """For supervised training."""
    distilled: AccuracyEstimate | None = None
    """For training with a teacher."""
    published: tuple[Published, ...] = ()
    trained: TrainedTop1 | None = None
    """Accuracy of its own training."""
    called: str = ""
    """What tells it from others, if its name does not."""

    @property
    def label(self) -> str:
        """Name in a table of several networks."""
        return self.called or self.arch.name

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Input shape, op, columns, params, MACs and predicted ms of each table row."""
        counts = _counts(self.arch, fused=self.fused)
        milliseconds = self.prediction.rows if self.prediction else ()
        # rows without ops have no latency
        parts = zip_longest(_heads(self.arch), counts, milliseconds)
        return [head | count | {"ms": ms} for head, count, ms in parts]

    @property
    def columns(self) -> list[str]:
        """Columns to show: `ALWAYS`, and those where a row differs from its op's default."""
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
        """Check of a traced network's counts."""
        return None if isinstance(self.arch, Arch) else self.arch.check

    def _check(self) -> dict[str, Any]:
        if (check := self.check) is None:
            return {"unread": [], "torch_macs": None, "by_rule": [], "differences": []}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in check._asdict().items()}

    def as_json(self) -> dict[str, Any]:
        """All figures as JSON data."""
        p, g, d = self.prediction, self.guess, self.distilled
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
            "top1_distilled": d and d.top1,
            "top1_distilled_sd": d and d.sd,
            "published": [asdict(figure) for figure in self.published],
            "trained": self.trained and asdict(self.trained),
            "rows": self.rows,
        }


def imagenet_doubt(network: Network) -> str | None:
    """Why an ImageNet estimate does not apply to a network; None if it does."""
    if network.graph.shape == (IMAGENET_CLASSES,):
        return None if len(network.input) == MAP_RANK else f"{NO_ESTIMATE} of images"
    if isinstance(network, Arch) and not network.rows[-1].classifies:
        return None
    if len(network.graph.shape) == 1:
        return f"{NO_ESTIMATE}, and this network has {network.graph.shape[0]:,}"
    return f"{NO_ESTIMATE}, and this network returns {show_shape(network.graph.shape)}"


def named_summary(
    name: str, inputs: Sequence[str], device: Device | None, *, strict: bool, fused: bool = False
) -> NetworkSummary:
    """Figures of the network that a user names, which may be a results folder.

    Raises:
        NasError: as `nas.modules.networks.load_network`, `summarise` and `read_trained`.
    """
    from nas.library import default_surrogate
    from nas.modules.networks import load_network
    from nas.report.folders.trained import read_trained

    network = load_network(name, inputs)
    surrogate = default_surrogate() if imagenet_doubt(network) is None else None
    found = summarise(network, device, surrogate, strict=strict, fused=fused)
    called = name if isinstance(network, Arch) and exists(Path(name)) else ""
    return replace(found, trained=read_trained(name), called=called)


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

    prediction = device.predict(arch.graph, strict=strict) if device else None
    if strict and not isinstance(arch, Arch):
        for doubt in (*arch.unmapped, *arch.check.differences):
            raise TraceError(f"{arch.name}: {doubt}; leave out --strict to see its other figures")
    guess = surrogate.predict(arch) if surrogate else None
    distilled = surrogate.distilled(guess) if surrogate and guess else None
    figures = published(arch) if isinstance(arch, Arch) else ()
    return NetworkSummary(arch, fused, device, prediction, guess, distilled, figures)


def describe_task(arch: Arch, device: Device | None) -> str:
    """Classes and images of a network, and its milliseconds on a device."""
    side = arch.input[1]
    text = f"{arch.graph.shape[0]:,} classes, images of {side} x {side}"
    if device is None:
        return text
    p = device.predict(arch)
    return f"{text}: {interval(p.ms, p.low_ms, p.high_ms)} {device.unit} predicted"


def _heads(arch: Network) -> list[dict[str, Any]]:
    """First cells of each row: table columns, or the path of a traced submodule."""
    if isinstance(arch, Arch):
        pairs = zip(arch.shapes, arch.rows, strict=False)
        return [{"in": show_shape(shape)} | row.canonical() for shape, row in pairs]
    first = {op.row: op.in_shapes[0] for op in reversed(arch.graph.ops) if op.inputs}
    return [
        {"in": show_shape(first[index]) if index in first else "", "op": row.name or "(none)"}
        for index, row in enumerate(arch.rows)
    ]


def _departs(row: Row, name: str, width: int) -> bool:
    """Whether the row's value differs from its op's default."""
    default = next((f.default for f in fields(row) if f.name == name), MISSING)
    if default is MISSING:
        return name != "op"
    return bool(getattr(replace(row, **{name: default}).resolve(width), name) != getattr(row, name))


def _counts(arch: Network, *, fused: bool) -> list[dict[str, int]]:
    """Params and MACs of each row."""
    counts = row_costs(arch.fused if fused else arch.graph, len(arch.rows))
    if not isinstance(arch, Arch):
        # a trace's ops count what they read; count the module's parameters, less what fusing saves
        for op in arch.graph.ops[1:]:
            counts[op.row]["params"] -= int(op_params(op))
        for row, count in zip(arch.rows, counts, strict=True):
            count["params"] += row.params
    return counts
