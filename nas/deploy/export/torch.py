"""PyTorch: the `torch.export` program, and Python code that needs only torch.

`torch.export.load` reads the `.pt2`. The `.py` is plain `nn.Module` code with its weights in a
`.pt` beside it.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from nas.deploy.export.base import Deployed
from nas.system.extras import require


def write(deployed: Deployed, path: Path) -> None:
    """Write `.pt2`, `.py` and `.pt`."""
    from nas.deploy.export import standalone

    torch = require("train")
    whole = BytesIO()  # torch would end the process on a full disk
    torch.export.save(deployed.program, whole)
    path.write_bytes(whole.getbuffer())
    standalone.write(deployed, path.with_suffix(".py"))
