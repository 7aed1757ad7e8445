"""Write and check each format, and write a manifest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.deploy.export.base import Deployed, Format, deploy
from nas.deploy.export.check import check, load_photos
from nas.deploy.export.formats import FORMATS
from nas.deploy.export.locate import refusal
from nas.deploy.export.manifest import Exported, manifest
from nas.deploy.export.reference import check_reference
from nas.deploy.runtimes import Floats32
from nas.errors import ExportError, MissingExtraError, check_names
from nas.files import yaml
from nas.files.staging import StagedDir
from nas.space.arch import Arch
from nas.system.capture import capture_output
from nas.system.progress import OnProgress, ignore, part_of

if TYPE_CHECKING:
    from nas.modules.checkpoints.arch import TrainedNetwork

MANIFEST = "manifest.yaml"
BUILD = 0.5
"""Effort of building a network, beside that of the formats."""
CHECK_FROM = 0.8
"""Share of a format's time after which it is checked."""


@dataclass(frozen=True, slots=True)
class Export:
    """An export folder with all formats of one network."""

    path: Path
    exported: tuple[Exported, ...]
    manifest: dict[str, Any]
    checkpoint: TrainedNetwork | None = None
    """Where the weights are from; None: they are random."""

    @property
    def failures(self) -> tuple[str, ...]:
        """Errors of formats that could not be written."""
        return tuple(one.error for one in self.exported if one.error)


def export(
    arch: Arch,
    formats: Sequence[str],
    out: Path,
    *,
    weights: Path | None = None,
    weights_of: str = "",
    batch: int | None = 1,
    normalisation: str | None = None,
    image_input: bool = False,
    photos: Path | None = None,
    name: str | None = None,
    force: bool = False,
    on_progress: OnProgress = ignore,
) -> Export:
    """Export a network in these formats to a folder in `out`.

    Folder and files are called `name`, by default as the network. A format that fails does not
    stop the others. The folder appears when it is complete.

    Raises:
        UnknownNameError: a format is unknown.
        ExportError: no format could be written, or known weights give other logits.
        ResultError: the folder exists already or cannot be written.
        MissingExtraError, WeightsError, UnknownNameError, DocumentError, DataError: see `deploy`
            and `load_photos`.
    """
    check_names("format", formats, FORMATS)
    stem = name or arch.name
    with StagedDir(out, stem, force=force) as draft:
        on_progress("building the network", 0.0)
        deployed = deploy(
            arch,
            weights=weights,
            weights_of=weights_of,
            batch=batch,
            normalisation=normalisation,
            image_input=image_input,
        )
        reference = check_reference(deployed, weights) if weights else ""
        images = load_photos(deployed, photos)
        exported = []
        for key, report in steps(formats, on_progress):
            path = draft.folder / f"{stem}{FORMATS[key].suffix}"
            exported.append(_one(deployed, FORMATS[key], path, images, report))
        failures = [one.error for one in exported if one.error]
        if len(failures) == len(exported):
            raise ExportError("; ".join(failures))
        extras = [extra for key in formats if (extra := FORMATS[key].extra)]
        content = manifest(deployed, exported, weights, extras, draft.folder)
        content["weights"] |= {"reference": reference} if reference else {}
        yaml.write(draft.folder / MANIFEST, content)
        draft.commit()
    return Export(draft.path, tuple(exported), content)


def steps(formats: Sequence[str], on_progress: OnProgress) -> Iterator[tuple[str, OnProgress]]:
    """Yield each format and the progress of its own work; the network is built before them."""
    efforts = [BUILD, *(FORMATS[name].effort for name in formats)]
    for number, name in enumerate(formats, start=1):
        start, end = (sum(efforts[:n]) / sum(efforts) for n in (number, number + 1))
        yield name, part_of(on_progress, start, end)


def _one(
    deployed: Deployed, form: Format, path: Path, photos: Floats32, on_progress: OnProgress
) -> Exported:
    folder = path.parent
    before = set(folder.iterdir())
    try:
        on_progress(f"converting to {form.name}", 0.0)
        write(deployed, form, path)
        on_progress(f"checking {form.name}", CHECK_FROM)
        with capture_output():
            found = check(deployed, form, path, photos)
            note = form.examine(deployed, path, photos) if form.examine else ""
    except (ExportError, MissingExtraError) as error:
        for file in set(folder.iterdir()) - before:
            _remove(file)
        return Exported(form.name, error=str(error))
    files = sorted(set(folder.iterdir()) - before, key=lambda file: (file != path, file.name))
    sizes = {file.name: _size(file) for file in files}
    return Exported(form.name, sizes, found, note=note)


def write(deployed: Deployed, form: Format, path: Path) -> None:
    """Write one format's file, and others that belong to it.

    Raises:
        ExportError: the format refuses an op; the op and its row are named.
        MissingExtraError: the format's extra is not installed.
    """
    try:
        with capture_output():
            form.write(deployed, path)
    except (ExportError, MissingExtraError, OSError):  # OSError: a full disk
        raise
    except Exception as error:  # a converter may fail in any way
        raise refusal(deployed, form, error) from error


def _size(path: Path) -> int:
    """Size in bytes of a file, or of all files in a package folder."""
    parts = path.rglob("*") if path.is_dir() else [path]
    return sum(part.stat().st_size for part in parts if part.is_file())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
