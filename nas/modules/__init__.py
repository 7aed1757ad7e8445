"""Graph -> torch module. torch starts here, and only when `build` is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.graph.conventions import conventions_of
from nas.graph.graph import Graph
from nas.space.arch import Arch
from nas.system.extras import require

if TYPE_CHECKING:
    from torch import nn
    from torch.fx import GraphModule


def build(
    arch: Arch | Graph,
    *,
    weights: str | Path | None = None,
    weights_of: str = "",
    tensorflow: bool = False,
) -> GraphModule:
    """The torch module of an architecture as trained, or of any graph (`arch.fused`).

    It takes a batch of images. Its weights come from a checkpoint of the same network (ours, timm's
    or torchvision's; safetensors or torch), or freshly from torch's random generator. Its `.code`
    is plain Python without branches; submodules are named after the table's rows.

    Batch norms and padding are what the weights count on, where the table or the file says it;
    `weights_of` (timm, torchvision, tensorflow, nas) says it where they do not. `tensorflow=True`
    builds them so without weights.

    Raises:
        UnknownNameError: of the origin.
        MissingExtraError: torch is not installed.
        ArchError: an op kind that only traced graphs have.
        WeightsError: the file is damaged, or its first tensor that does not fit.
    """
    require("train")
    from nas.modules.checkpoints.conventions import known_conventions
    from nas.modules.checkpoints.file import read_checkpoint
    from nas.modules.checkpoints.weights import load_checkpoint
    from nas.modules.initial_weights import initialise
    from nas.modules.layers import assemble

    graph = arch if isinstance(arch, Graph) else arch.graph
    origin = weights_of or ("tensorflow" if tensorflow else "")
    conventions = conventions_of(origin, graph) if origin else None
    saved = None if weights is None else read_checkpoint(Path(weights))
    if saved and conventions is None and getattr(arch, "conventions", None) is None:
        conventions = known_conventions(saved, Path(weights or ""), graph)
    module = assemble(graph if conventions is None else conventions.applied(graph))
    initialise(module)
    if saved:
        load_checkpoint(module, saved, weights or "")
    return module


def save_weights(module: nn.Module, path: str | Path) -> None:
    """Write a network's parameters and statistics to a safetensors file, whole or not at all."""
    require("train")
    from nas.modules.checkpoints.weights import save_weights as save

    save(module, path)
