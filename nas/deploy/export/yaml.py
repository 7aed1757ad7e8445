"""The network's table as YAML, with the cost of every row as a comment."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from nas.deploy.export.base import Deployed
from nas.graph.ops import op_macs, op_params

WIDTH = 98
"""Column of the comments."""
ROW = "  -      ["


def write(deployed: Deployed, path: Path) -> None:
    """Write the table."""
    arch, graph = deployed.arch, deployed.arch.graph
    costs = [[0, 0] for _ in arch.rows]
    for op in graph.ops[1:]:
        costs[op.row][0] += op_params(op)
        costs[op.row][1] += op_macs(op)
    rows = count()
    lines = [
        f"# {arch.name}: {arch.params:,} params, {arch.macs / 1e6:,.2f} M MACs, {arch.arch_id}",
        f"# as deployed: {deployed.params:,} params",
        *(f"# {line}" for line in deployed.images.lines(WIDTH)),
    ]
    for line in arch.to_yaml().splitlines():
        if line.startswith(ROW):
            params, macs = costs[next(rows)]
            line += f"  # {params:>9,} params, {macs / 1e6:>8,.2f} M MACs"
        lines.append(line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
