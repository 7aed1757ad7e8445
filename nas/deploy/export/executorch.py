"""ExecuTorch, lowered to XNNPACK; ops that XNNPACK lacks run in portable kernels."""

from __future__ import annotations

from pathlib import Path

from nas.deploy.export.base import Deployed
from nas.system.extras import require

PARTITIONER = "executorch.backends.xnnpack.partition.xnnpack_partitioner"


def write(deployed: Deployed, path: Path) -> None:
    """Write a `.pte` file."""
    exir = require("executorch", "executorch.exir")
    partitioner = require("executorch", PARTITIONER).XnnpackPartitioner()
    lowered = exir.to_edge_transform_and_lower(deployed.program, partitioner=[partitioner])
    with path.open("wb") as file:
        lowered.to_executorch().write_to_file(file)
