"""The network as deployed, with its weights: the input of every export format.

Batch norms are folded and branches merged beforehand (`nas.modules.fused_weights`), so no converter
needs to.
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
"""Name of the dynamic batch axis."""

SEED = 0
"""Random seed of weights, if there is no weights file."""


@dataclass(frozen=True)
class Deployed:
    """A fused network in evaluation mode."""

    arch: Arch
    graph: Graph
    """The fused graph; its ops have the names of the module's submodules."""
    module: Any
    """A `torch.fx.GraphModule`."""
    batch: int | None = 1
    """Batch size; None for dynamic."""
    images: InputImages = InputImages()
    image_input: bool = False
    """Normalise raw RGB images inside the network, in formats that can (Core ML)."""

    @property
    def params(self) -> int:
        """Parameters of the fused network."""
        return int(params(self.graph))

    @property
    def example(self) -> Any:
        """An input to trace with; its batch is 2 if dynamic, since 1 is traced as a constant."""
        torch = require("train")
        return torch.zeros(self.batch or 2, *self.arch.input)

    @cached_property
    def program(self) -> Any:
        """The module as a `torch.export.ExportedProgram`."""
        return self.exported(self.module)

    def exported(self, module: Any, **limits: int) -> Any:
        """A module with the network's input as a `torch.export.ExportedProgram`."""
        torch = require("train")
        with torch.no_grad():
            return torch.export.export(
                module, (self.example,), dynamic_shapes=self.dynamic_shapes(**limits)
            )

    def dynamic_shapes(self, **limits: int) -> Any:
        """The batch as a dynamic axis, perhaps within `min` and `max`; None if it has one size."""
        if self.batch is not None:
            return None
        return ({0: require("train").export.Dim(BATCH, **limits)},)

    def module_of(self, graph: Graph) -> Any:
        """The module of a rewritten graph whose layers have the same names, with these weights."""
        from nas.modules.layers import assemble

        if graph is self.graph:
            return self.module
        module = assemble(graph).eval()
        module.load_state_dict(self.module.state_dict())
        return module

    def logits(self, images: Floats32) -> Floats32:
        """Logits computed by torch. Shapes: images (B, C, H, W) -> (B, classes)."""
        torch = require("train")
        with torch.no_grad():
            found: Floats32 = self.module(torch.from_numpy(images)).numpy()
        return found

    def normalise(self, images: NDArray[np.float32]) -> Floats32:
        """Normalise RGB in 0..1. Shapes: (B, 3, H, W) -> (B, 3, H, W).

        ImageNet's normalisation is used if the network's own is not known: any will do to compare
        formats.
        """
        mean, std = self.images.normalisation or NORMALISATIONS["imagenet"]
        shape = (1, 3, 1, 1)
        scaled: Floats32 = ((images - np.reshape(mean, shape)) / np.reshape(std, shape)).astype(
            "f4"
        )
        return scaled


@dataclass(frozen=True, slots=True)
class Format:
    """A file format; `write` makes the file and others that belong to it beside it."""

    name: str
    extra: str | None
    """The project's extra that installs its packages; None if it needs none."""
    suffix: str
    write: Callable[[Deployed, Path], None]
    runtime: str | None
    """Runtime that checks its logits on this machine; None if there is none."""
    exact: bool = True
    """Whether it computes in fp32, so its logits must equal torch's."""
    examine: Callable[[Deployed, Path, Floats32], str] | None = None
    """Check of a format without a runtime; takes normalised photographs, returns a description."""
    lint: str = ""
    """Target of `nas.graph.lint`; the format's name if empty."""
    effort: float = 1.0
    """Usual time that writing and checking takes, relative to other formats, for progress."""

    @property
    def target(self) -> str:
        """The format's target in `nas.graph.lint`."""
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
    """Build a network, load its weights (or seeded random ones) and fuse it.

    Number of classes and conventions are those of the weights. Normalisation and class names are
    read from the results folder that holds the weights; `normalisation` overrides it.

    Raises:
        MissingExtraError: torch is not installed.
        WeightsError: the weights do not fit the network.
        UnknownNameError, DocumentError: normalisation or origin is unknown; the folder is damaged.
        ExportError: `image_input` is set, but no normalisation is known; or the folder of the
            weights names a different number of classes.
    """
    images = InputImages.of(weights, normalisation)
    if image_input and images.normalisation is None:
        raise ExportError(
            f"{weights}: an image input needs the normalisation of the training, which is not"
            " known; give it with --normalisation"
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
