"""The network's table as YAML, with the cost of every row as a comment."""

from __future__ import annotations

from pathlib import Path

from nas.deploy.export.base import Deployed
from nas.graph.cost import row_costs

WIDTH = 98
"""Column of the comments."""
ROW = "  -      ["


def write(deployed: Deployed, path: Path) -> None:
    """Write the table."""
    arch = deployed.arch
    costs = iter(row_costs(arch.graph, len(arch.rows)))
    lines = [
        f"# {arch.name}: {arch.params:,} params, {arch.macs / 1e6:,.2f} M MACs, {arch.arch_id}",
        f"# as deployed: {deployed.params:,} params",
        *(f"# {line}" for line in deployed.images.lines(WIDTH)),
    ]
    for line in arch.to_yaml().splitlines():
        if line.startswith(ROW):
            cost = next(costs)
            line += f"  # {cost['params']:>9,} params, {cost['macs'] / 1e6:>8,.2f} M MACs"
        lines.append(line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
