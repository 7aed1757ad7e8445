"""Convert a network to the files of runtimes, as `nas export` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nas import library
from nas.api.train import AnyArch, loaded_arch
from nas.errors import WeightsError
from nas.files.resources import trained_in
from nas.files.staging import check_replaceable, output_path
from nas.space.arch import Arch
from nas.system.extras import require
from nas.system.progress import OnProgress, ignore

if TYPE_CHECKING:
    from nas.deploy.export import Export

FORMATS = ("yaml", "torch", "onnx")
"""Written unless others are asked for."""


def export_network(
    arch: AnyArch,
    formats: Sequence[str] = FORMATS,
    out: str | Path = "exports",
    *,
    weights: str | Path | None = None,
    weights_of: str = "",
    classes: int | None = None,
    batch: int | None = 1,
    normalisation: str | None = None,
    image_input: bool = False,
    photos: str | Path | None = None,
    force: bool = False,
    on_progress: OnProgress = ignore,
) -> Export:
    """Write a network in these formats to a folder in `out`, and check each against torch.

    Folder and files are called as the results folder `arch`, or as the network. The weights default
    to those of that folder, else they are random. A `batch` of None is dynamic. A format that fails
    does not stop the others: see `failures` of the result.

        exported = nas.export_network("results/mine", ["onnx", "coreml"])
        exported.path, exported.failures

    Raises:
        ExportError: no format could be written, or known weights give other logits.
        MissingExtraError: torch is not installed.
        ResultError: the folder exists already or cannot be written.
        UnknownNameError: a format, origin or normalisation, with the nearest names.
        WeightsError: the weights do not fit the network.
    """
    network = loaded_arch(arch)
    file = None if weights is None else Path(weights)
    name = None
    if not isinstance(arch, Arch) and Path(arch).is_dir():
        name = Path(arch).resolve().name
        if file is None and (trained := trained_in(arch)):
            network, file = library.load_arch(trained[0]), trained[1]
    if file is None and (weights_of or classes):
        raise WeightsError("weights_of and classes describe a file of weights: give weights too")
    if name or weights is None:  # else the weights' number of classes may be part of the name
        check_replaceable(output_path(Path(out), name or network.name), force=force)
    require("train")
    from nas.deploy.export import export
    from nas.modules.checkpoints.arch import network_of_checkpoint

    checkpoint = None
    if file is not None:
        checkpoint = network_of_checkpoint(network, file, weights_of=weights_of, classes=classes)
        network = checkpoint.arch
    found = export(
        network,
        [formats] if isinstance(formats, str) else list(formats),
        Path(out),
        weights=file,
        batch=batch,
        normalisation=normalisation,
        image_input=image_input,
        photos=None if photos is None else Path(photos),
        name=name,
        force=force,
        on_progress=on_progress,
    )
    return replace(found, checkpoint=checkpoint)
