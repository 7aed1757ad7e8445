"""Measurements of one device, with the graphs of their networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from nas.devices.measurements import Measurement
from nas.errors import CalibrationError, DocumentError, NasError
from nas.graph.graph import Graph
from nas.space.family import family_of
from nas.system.progress import OnProgress, ignore

SHARED = ("device", "runtime", "precision", "threads", "batch")
"""Conditions that all measurements of a device share; a missing value matches any."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredNetwork:
    """A measurement and its network."""

    row: Measurement
    graph: Graph
    family: str

    @property
    def ms(self) -> float:
        """Milliseconds per image."""
        return self.row.ms / self.row.batch

    @property
    def figure(self) -> str:
        """What identifies the figure: eight hex digits of its network and milliseconds."""
        text = f"{Path(self.row.network).stem} {self.ms:.6g}"
        return sha256(text.encode()).hexdigest()[:8]


def measured_networks(
    rows: Sequence[Measurement],
    on_progress: OnProgress = ignore,
) -> list[MeasuredNetwork]:
    """The rows with their graphs.

    Raises:
        DocumentError: a network is unknown or has calls without a cost; names file and line.
        CalibrationError: the rows are of several devices or conditions.
    """
    for key in SHARED:
        stated = [row for row in rows if getattr(row, key) not in ("", None)]
        for row in stated:
            if (found := getattr(row, key)) != (first := getattr(stated[0], key)):
                raise CalibrationError(
                    f"{row.place} ({key}): {found!r}, but {first!r} at {stated[0].place};"
                    " a device is one machine in one setting; keep its rows in a separate file"
                )
    graphs = {row.network: row for row in reversed(rows)}
    loaded = {}
    for number, (network, row) in enumerate(reversed(graphs.items())):
        on_progress(network, number / len(graphs))
        loaded[network] = _graph(row)
    return [MeasuredNetwork(row, loaded[row.network], family_of(row.name)) for row in rows]


def _graph(row: Measurement) -> Graph:
    from nas.modules.networks import load_network

    try:
        graph = load_network(row.network).graph
    except NasError as error:
        raise DocumentError(f"{row.place} (network): {error}") from None
    opaque = sorted({op.name for op in graph.ops if op.kind == "opaque"})
    if opaque:
        raise DocumentError(
            f"{row.place} (network): {row.network} has calls of no op kind: {', '.join(opaque)}"
        )
    return graph


def stated(rows: Iterable[Measurement], key: str, otherwise: str) -> str:
    """Return the first value of a column that is not empty."""
    return next((str(value) for row in rows if (value := getattr(row, key))), otherwise)
