"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Device = Annotated[
    str | None,
    typer.Option("--device", help="Predict milliseconds on this device (see: nas list devices)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
Svg = Annotated[
    Path | None,
    typer.Option("--svg", help="Draw it as a picture.", metavar="FILE.svg", show_default=False),
]
Runtime = Annotated[
    str,
    typer.Option(
        "--runtime", help="onnxruntime, litert, executorch, openvino, torch or torch-cuda."
    ),
]
Threads = Annotated[int, typer.Option("--threads", min=1)]

NETWORK_HELP = (
    "A name (see: nas list archs), a YAML file, a results folder (its best.yaml), timm:NAME,"
    " torchvision:NAME, or FILE.py:FUNCTION that returns a torch module; @SIDE for other images."
)
ARCH_HELP = "A name (see: nas list archs), a YAML file, or a results folder (its best.yaml)."
