"""Find the op of a network that a converter or its runtime refuses.

Their messages are about their own nodes. Bisection over truncated networks finds the first op with
which conversion or loading fails, for every format.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_left
from dataclasses import replace
from pathlib import Path

from nas.deploy.export.base import Deployed, Format
from nas.deploy.runtimes import RUNTIMES
from nas.errors import ExportError, first_line
from nas.graph.graph import Graph
from nas.graph.ops import Op
from nas.system.capture import capture_output

MAX_REASON = 300
"""Maximum length of a converter's message that is shown."""


def refusal(deployed: Deployed, form: Format, error: Exception) -> ExportError:
    """The error to raise where a format's converter or runtime fails; it names row and op."""
    op = first_refused(deployed, form)
    where = f"row {op.row + 1}, {op.name} ({op.kind}): " if op else ""
    return ExportError(f"{form.name}: {where}{first_line(error)[:MAX_REASON]}")


def first_refused(deployed: Deployed, form: Format) -> Op | None:
    """The first op that cannot be converted or loaded; None if no single op is the cause."""
    ops = deployed.graph.ops
    lengths = range(1, len(ops) + 1)
    index = bisect_left(lengths, True, key=lambda length: not _converts(deployed, form, length))
    return ops[index] if index < len(ops) else None


def _converts(deployed: Deployed, form: Format, length: int) -> bool:
    """Whether a network of only the first ops can be converted, and its file be loaded."""
    from nas.modules.layers import assemble

    graph = Graph(deployed.graph.ops[:length], deployed.graph.resolution)
    if all(op.kind in ("input", "param", "constant") for op in graph.ops):
        return True
    part = replace(deployed, graph=graph, module=assemble(graph).eval())
    with tempfile.TemporaryDirectory() as folder, capture_output():
        try:
            form.write(part, path := Path(folder) / f"part{form.suffix}")
            if form.runtime:
                RUNTIMES[form.runtime].load(path, 1)
        except Exception:  # either may fail in any way
            return False
    return True
