"""Build torch modules from graphs. torch is imported when `build` is called."""

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
) -> GraphModule:
    """Build the torch module of an architecture as trained, or of any graph (`arch.fused`).

    The module takes a batch of images. Its weights come from a checkpoint of the same network
    (ours, timm's or torchvision's; safetensors or torch) or from torch's random generator. Its
    `.code` is plain Python without branches; submodules are named after the table's rows.

    Epsilon of batch norms and padding follow the table or the checkpoint. If neither states them,
    `weights_of` (timm, torchvision, tensorflow, nas) does, also without weights.

    Raises:
        UnknownNameError: `weights_of` is no known origin.
        MissingExtraError: torch is not installed.
        ArchError: an op kind can be traced, but not built.
        WeightsError: the file is damaged, or a tensor does not fit (the first is named).
    """
    require("train")
    from nas.modules.checkpoints.conventions import known_conventions
    from nas.modules.checkpoints.file import read_checkpoint
    from nas.modules.checkpoints.weights import load_checkpoint
    from nas.modules.initial_weights import initialise
    from nas.modules.layers import assemble

    graph = arch if isinstance(arch, Graph) else arch.graph
    conventions = conventions_of(weights_of, graph) if weights_of else None
    saved = None if weights is None else read_checkpoint(Path(weights))
    if saved and conventions is None and getattr(arch, "conventions", None) is None:
        conventions = known_conventions(saved, graph)
    module = assemble(graph if conventions is None else conventions.applied(graph))
    initialise(module)
    if saved:
        load_checkpoint(module, saved)
    return module


def save_weights(module: nn.Module, path: str | Path) -> None:
    """Write a network's parameters and statistics to a safetensors file, atomically.

    Raises:
        WriteError: the file cannot be written.
    """
    require("train")
    from nas.modules.checkpoints.conventions import conventions_in
    from nas.modules.checkpoints.weights import save_state

    save_state(module.state_dict(), path, conventions_in(module))
