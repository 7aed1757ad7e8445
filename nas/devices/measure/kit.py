"""A kit for a phone that is not here: models, what to run, and which file is which network."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas import library
from nas.deploy.export import FORMATS, deploy, write
from nas.devices.measure.imports import KIT
from nas.errors import ExportError, UnknownNameError
from nas.files import yaml
from nas.files.resources import trained_in
from nas.files.staging import StagedDir
from nas.space.arch import Arch
from nas.system.progress import OnProgress, ignore

SCHEMA = 1
#: operating system -> export format -> precision it computes in there
FORMATS_OF: dict[str, dict[str, str]] = {
    "ios": {"coreml": "fp16"},
    "android": {"litert": "fp32", "executorch": "fp32"},
}
TEXTS = Path(__file__).parent / "kits"


@dataclass(frozen=True, slots=True)
class Kit:
    """A folder, and what could not be exported into it."""

    path: Path
    models: dict[str, dict[str, Any]]
    """Columns of a measurement by file."""
    failures: tuple[str, ...]


def write_kit(
    archs: Sequence[tuple[str, Arch]],
    device_os: str,
    out: Path,
    *,
    force: bool = False,
    on_progress: OnProgress = ignore,
) -> Kit:
    """Write the folder `out` for networks, given with the names they go by.

    A trained network of a folder of results has its weights, and what its images are stands in the
    kit; other weights are seeded random ones: they do not change the latency. A format that fails
    does not keep the others from being written.

    Raises:
        UnknownNameError: of the operating system.
        ExportError: nothing could be exported, or two networks would have one file.
        MissingExtraError: with the install line.
        ResultError: the folder exists already or cannot be written.
    """
    if device_os not in FORMATS_OF:
        raise UnknownNameError("operating system", device_os, FORMATS_OF)
    files = [_file_name(name) for name, _ in archs]
    if twice := [name for name, _ in archs if files.count(_file_name(name)) > 1]:
        raise ExportError(f"{', '.join(twice)} would be files of one name; call one otherwise")
    models, images, failures = {}, {}, []
    with StagedDir(out.parent, out.name, force=force) as draft:
        precisions = FORMATS_OF[device_os]
        for number, ((name, arch), stem) in enumerate(zip(archs, files, strict=True)):
            deployed = deploy(arch, weights=_learnt(name, arch))
            for part, (key, precision) in enumerate(precisions.items()):
                file = f"{stem}{FORMATS[key].suffix}"
                on_progress(file, (number + part / len(precisions)) / len(archs))
                try:
                    write(deployed, FORMATS[key], draft.folder / file)
                except ExportError as error:
                    failures.append(f"{name}: {error}")
                else:
                    models[file] = {
                        "network": name,
                        "arch_id": arch.arch_id,
                        "precision": precision,
                        "batch": 1,
                    }
                    if deployed.images.how:
                        images[file] = deployed.images.how.facts()
        if not models:
            raise ExportError("; ".join(failures))
        manifest = {"schema": SCHEMA, "device_os": device_os, "models": models}
        manifest |= {"images": images} if images else {}
        yaml.write(draft.folder / KIT, manifest)
        compiled = shutil.ignore_patterns("__pycache__")  # an installer's
        shutil.copytree(TEXTS / device_os, draft.folder, dirs_exist_ok=True, ignore=compiled)
        draft.commit()
    return Kit(out, models, tuple(failures))


def _learnt(name: str, arch: Arch) -> Path | None:
    """Weights of this very network in a folder of results."""
    found = trained_in(name)
    if found is None or library.load_arch(found[0]).arch_id != arch.arch_id:
        return None
    return found[1]


def _file_name(name: str) -> str:
    """`a/b.yaml` and the folder `a/b` go by `b` in a file's name."""
    return Path(name).absolute().name.removesuffix(".yaml")
