"""Graph -> torch module. torch starts here, and only when `build` is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.arch import Arch
from nas.build.tensorflow import as_tensorflow
from nas.extras import require
from nas.graph import Graph

if TYPE_CHECKING:
    from torch import nn
    from torch.fx import GraphModule


def build(
    arch: Arch | Graph, *, weights: str | Path | None = None, tensorflow: bool = False
) -> GraphModule:
    """The torch module of an architecture as trained, or of any graph (`arch.fused`).

    It takes a batch of images. Its weights come from a checkpoint of the same network (ours, timm's
    or torchvision's; safetensors or torch), or freshly from torch's random generator. Its `.code`
    is plain Python without branches; submodules are named after the table's rows. Weights that were
    trained in TensorFlow need its padding and norms: `tensorflow=True`.

    Raises:
        MissingExtraError: torch is not installed.
        ArchError: an op kind that only traced graphs have.
        WeightsError: the file is damaged, or its first tensor that does not fit.
    """
    require("train")
    from nas.build.initial import initialise
    from nas.build.module import assemble

    graph = arch if isinstance(arch, Graph) else arch.graph
    module = assemble(as_tensorflow(graph) if tensorflow else graph)
    initialise(module)
    if weights is not None:
        from nas.build.checkpoint import load_weights

        load_weights(module, weights)
    return module


def save_weights(module: nn.Module, path: str | Path) -> None:
    """Write a network's parameters and statistics to a safetensors file, whole or not at all."""
    require("train")
    from nas.build.checkpoint import save_weights as save

    save(module, path)
