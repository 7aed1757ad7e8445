"""Kits for phones: exported models, instructions, and a manifest that maps files to networks."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nas import library
from nas.deploy.export import FORMATS, deploy, steps, write
from nas.devices.measure.imports import KIT, KitModel
from nas.errors import ExportError, check_names
from nas.files import yaml
from nas.files.resources import trained_in
from nas.files.staging import StagedDir
from nas.space.arch import Arch
from nas.system.extras import require_extras
from nas.system.progress import OnProgress, ignore, part_of

SCHEMA = 1
#: operating system -> export format -> precision that the format computes in
FORMATS_OF: dict[str, dict[str, str]] = {
    "ios": {"coreml": "fp16"},
    "android": {"litert": "fp32", "executorch": "fp32"},
}
TEXTS = Path(__file__).parent / "kits"


@dataclass(frozen=True, slots=True)
class Kit:
    """A folder of models, and the exports that failed."""

    path: Path
    models: dict[str, dict[str, Any]]
    """File -> columns of a measurement that are known in advance."""
    failures: tuple[str, ...]


def write_kit(
    archs: Sequence[tuple[str, Arch]],
    device_os: str,
    out: Path,
    *,
    force: bool = False,
    on_progress: OnProgress = ignore,
) -> Kit:
    """Write the folder `out` for named networks.

    A network of a results folder is exported with its trained weights, and the kit records its
    preprocessing. Other networks get seeded random weights, which do not change the latency. A
    format that fails does not stop the others.

    Raises:
        UnknownNameError: the operating system does not exist.
        ExportError: nothing could be exported, or two networks would share one file.
        MissingExtraError: exporters are not installed; names all.
        ResultError: the folder exists or cannot be written.
    """
    check_names("operating system", [device_os], FORMATS_OF)
    require_extras("train", *(FORMATS[key].extra or "train" for key in FORMATS_OF[device_os]))
    files = [_file_name(name) for name, _ in archs]
    if twice := [name for name, _ in archs if files.count(_file_name(name)) > 1]:
        raise ExportError(f"{', '.join(twice)} would share one file name; rename one of them")
    models, images, failures = {}, {}, []
    with StagedDir(out.parent, out.name, force=force) as draft:
        precisions = FORMATS_OF[device_os]
        for number, ((name, arch), stem) in enumerate(zip(archs, files, strict=True)):
            own = part_of(on_progress, number / len(archs), (number + 1) / len(archs))
            own(f"building {name}", 0.0)
            deployed = deploy(arch, weights=_learnt(name, arch))
            for key, report in steps([*precisions], own):
                file = f"{stem}{FORMATS[key].suffix}"
                report(f"converting to {file}", 0.0)
                try:
                    write(deployed, FORMATS[key], draft.folder / file)
                except ExportError as error:
                    failures.append(f"{name}: {error}")
                else:
                    models[file] = asdict(KitModel(name, arch.arch_id, precisions[key], batch=1))
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
