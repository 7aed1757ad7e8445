"""What every export format is written from: the network as deployed, with its weights.

Batch norms are folded and branches merged first (`nas.modules.fused_weights`), so no converter
has to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.deploy.export.images import InputImages
from nas.deploy.runtimes import Floats32
from nas.errors import ExportError
from nas.graph.cost import params
from nas.graph.graph import Graph
from nas.modules import build
from nas.space.arch import Arch
from nas.system.extras import require
from nas.train.preprocessing import NORMALISATIONS

INPUT = "image"
OUTPUT = "logits"
BATCH = "batch"
"""Name of the dynamic axis."""

SEED = 0
"""Of the weights of a network that comes without."""


@dataclass(frozen=True)
class Deployed:
    """A fused network in evaluation mode."""

    arch: Arch
    graph: Graph
    """Fused; its ops bear the names of the module's submodules."""
    module: Any
    """`torch.fx.GraphModule`."""
    batch: int | None = 1
    """None: dynamic."""
    images: InputImages = InputImages()
    image_input: bool = False
    """Take raw RGB images and normalise inside, in the formats that can (Core ML)."""

    @property
    def params(self) -> int:
        """As deployed."""
        return int(params(self.graph))

    @property
    def example(self) -> Any:
        """A tensor to trace with; a dynamic batch must not be 1, which is traced as a constant."""
        torch = require("train")
        return torch.zeros(self.batch or 2, *self.arch.input)

    @cached_property
    def program(self) -> Any:
        """The module as a `torch.export.ExportedProgram`."""
        torch = require("train")
        dynamic = ({0: torch.export.Dim(BATCH)},) if self.batch is None else None
        with torch.no_grad():
            return torch.export.export(self.module, (self.example,), dynamic_shapes=dynamic)

    def module_of(self, graph: Graph) -> Any:
        """The module of a rewritten graph, with these weights; its layers bear the same names."""
        from nas.modules.layers import assemble

        if graph is self.graph:
            return self.module
        module = assemble(graph).eval()
        module.load_state_dict(self.module.state_dict())
        return module

    def logits(self, images: Floats32) -> Floats32:
        """What torch computes. Shapes: images (B, C, H, W) -> (B, classes)."""
        torch = require("train")
        with torch.no_grad():
            found: Floats32 = self.module(torch.from_numpy(images)).numpy()
        return found

    def normalise(self, images: NDArray[np.float32]) -> Floats32:
        """RGB in 0..1 to what the network takes. Shapes: (B, 3, H, W), as the result.

        Where nothing says how it was trained, as ImageNet: for comparing formats any will do.
        """
        mean, std = self.images.normalisation or NORMALISATIONS["imagenet"]
        shape = (1, 3, 1, 1)
        scaled: Floats32 = ((images - np.reshape(mean, shape)) / np.reshape(std, shape)).astype(
            "f4"
        )
        return scaled


@dataclass(frozen=True, slots=True)
class Format:
    """One file format. `write` puts the file, and what belongs to it, beside each other."""

    name: str
    extra: str | None
    """Of the project, that installs what it needs; None: nothing."""
    suffix: str
    write: Callable[[Deployed, Path], None]
    runtime: str | None
    """Checks its numbers on this machine."""
    exact: bool = True
    """Computes in fp32, so its logits must be torch's."""
    examine: Callable[[Deployed, Path, Floats32], str] | None = None
    """Without a runtime: what was checked instead; takes photographs as the network does."""
    lint: str = ""
    """Target of `nas.graph.lint`; the format's name where it is left out."""

    @property
    def target(self) -> str:
        """What `nas.graph.lint` calls the system that takes it."""
        return self.lint or self.name


def deploy(
    arch: Arch,
    *,
    weights: Path | None = None,
    weights_of: str = "",
    batch: int | None = 1,
    normalisation: str | None = None,
    image_input: bool = False,
) -> Deployed:
    """Build a network, load its weights (without a file: seeded random ones) and fuse it.

    It is the network that the file is of: with its classes, and what the weights count on. What
    images and classes it was trained on is read from the folder of results that the weights lie in;
    `normalisation` overrides that.

    Raises:
        MissingExtraError: torch is not installed.
        WeightsError: the weights do not fit the network.
        UnknownNameError, DocumentError: of normalisation or origin; the folder is damaged.
        ExportError: images are to be normalised inside, and nothing says how; or the folder of the
            weights names other classes.
    """
    images = InputImages.of(weights, normalisation)
    if image_input and images.normalisation is None:
        raise ExportError(
            f"{weights}: nothing says how images were normalised in training, so no image input can"
            " do it; say it with --normalisation"
        )
    torch = require("train")
    from nas.modules.checkpoints.arch import network_of_checkpoint
    from nas.modules.fused_weights import fused

    if weights is not None and (weights_of or arch.conventions is None):
        arch = network_of_checkpoint(arch, weights, weights_of=weights_of).arch
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(SEED)
        trained = build(arch, weights=weights).eval()
    module = fused(arch.graph, trained)
    found = Deployed(arch, arch.fused, module, batch, images, image_input)
    if images.classes and (len(images.classes),) != found.graph.shape:
        raise ExportError(
            f"{weights}: its folder names {len(images.classes)} classes, the network's output is"
            f" {found.graph.shape}"
        )
    return found
