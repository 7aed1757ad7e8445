"""Find the op of a network that a converter refuses.

Messages of converters are about their own nodes. Bisection over truncated networks finds the first
op with which the conversion fails, for every format.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_left
from dataclasses import replace
from pathlib import Path

from nas.deploy.export.base import Deployed, Format
from nas.graph.graph import Graph
from nas.graph.ops import Op
from nas.system.capture import capture_output


def first_refused(deployed: Deployed, form: Format) -> Op | None:
    """The first op that cannot be converted; None if no single op is the cause."""
    ops = deployed.graph.ops
    lengths = range(1, len(ops) + 1)
    index = bisect_left(lengths, True, key=lambda length: not _converts(deployed, form, length))
    return ops[index] if index < len(ops) else None


def _converts(deployed: Deployed, form: Format, length: int) -> bool:
    """Whether a network of only the first ops can be converted."""
    from nas.modules.layers import assemble

    graph = Graph(deployed.graph.ops[:length], deployed.graph.resolution)
    if all(op.kind in ("input", "param", "constant") for op in graph.ops):
        return True
    part = replace(deployed, graph=graph, module=assemble(graph).eval())
    with tempfile.TemporaryDirectory() as folder, capture_output():
        try:
            form.write(part, Path(folder) / f"part{form.suffix}")
        except Exception:  # a converter may fail in any way
            return False
    return True
