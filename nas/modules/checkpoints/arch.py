"""Adapt a network to a checkpoint: its conventions and its number of classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from nas.errors import WeightsError
from nas.graph.conventions import Conventions, conventions_of
from nas.modules.checkpoints.conventions import known_conventions
from nas.modules.checkpoints.file import Checkpoint, read_checkpoint
from nas.modules.checkpoints.weights import classes_in
from nas.modules.layers import assemble
from nas.space.arch import Arch
from nas.space.retarget import for_task


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """A network and the checkpoint of its weights."""

    arch: Arch
    saved: Checkpoint

    @property
    def doubt(self) -> str:
        """A hint if the file leaves its conventions open, else empty."""
        found = self.arch.conventions
        if found is None and not self.saved.is_own:
            return "not told whose they are: taken for PyTorch's; --weights-of says another"
        if found and found.weights_of == "timm":
            return "timm's tf_ networks name tensors alike: --weights-of tensorflow for those"
        return ""

    def describe(self) -> str:
        """File name, key and conventions of the weights, as text."""
        found, key = self.arch.conventions, self.saved.key
        parts = [f"under {key!r}"] if key else []
        return ", ".join([self.saved.path.name, *parts, *([found.describe()] if found else [])])


def network_of_checkpoint(
    arch: Arch, path: Path, *, weights_of: str = "", classes: int | None = None
) -> TrainedNetwork:
    """Adapt `arch` to the weights in a file.

    `weights_of` and `classes` override what the file states.

    Raises:
        WeightsError: the file holds no weights, or its number of classes is not `classes`.
        UnknownNameError: `weights_of` is no known origin.
    """
    saved = read_checkpoint(path)
    arch = _with_classes(arch, saved, classes)
    if weights_of:
        found: Conventions | None = conventions_of(weights_of, arch.graph)
    else:
        found = known_conventions(saved, arch.graph) or arch.conventions
    return TrainedNetwork(replace(arch, conventions=found), saved)


def _with_classes(arch: Arch, saved: Checkpoint, classes: int | None) -> Arch:
    with torch.device("meta"):
        module = assemble(arch.graph)
    own = arch.graph.shape[0]
    found = classes_in(module, saved.state, f"row{len(arch.rows)}_") or own
    if classes not in (None, found):
        raise WeightsError(
            f"{saved.path}: the weights have {found} classes, but --classes is {classes}"
        )
    return arch if found == own else for_task(arch, classes=found)
