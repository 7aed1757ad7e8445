"""Graph -> torch module. torch starts here, and only when `build` is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.arch import Arch
from nas.extras import require
from nas.graph import Graph

if TYPE_CHECKING:
    from torch.fx import GraphModule


def build(arch: Arch | Graph) -> GraphModule:
    """The torch module of an architecture as trained, or of any graph (`arch.fused`).

    It takes a batch of images and is freshly initialised from torch's random generator. Its `.code`
    is plain Python without branches; submodules are named after the table's rows.

    Raises:
        MissingExtraError: torch is not installed.
    """
    require("train")
    from nas.build.initial import initialise
    from nas.build.module import assemble

    module = assemble(arch if isinstance(arch, Graph) else arch.graph)
    initialise(module)
    return module
