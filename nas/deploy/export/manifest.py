"""The manifest of an export: inputs, versions, files and their checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import file_digest
from pathlib import Path
from platform import platform
from typing import Any

from nas.deploy.export.base import INPUT, OUTPUT, SEED, Deployed
from nas.deploy.export.check import OutputCheck
from nas.files.provenance import versions
from nas.system.extras import EXTRAS

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Exported:
    """The result of exporting one format."""

    format: str
    files: Mapping[str, int] = field(default_factory=dict)
    """File or package folder -> size in bytes; the first is the network."""
    check: OutputCheck | None = None
    note: str = ""
    """Reason, if there is no check."""
    error: str = ""
    """Reason, if there are no files."""


def manifest(
    deployed: Deployed,
    exported: Sequence[Exported],
    weights: Path | None,
    extras: Iterable[str],
    folder: Path,
) -> dict[str, Any]:
    """The manifest of the files in a folder, as data for YAML."""
    arch, batch = deployed.arch, deployed.batch or "dynamic"
    images = deployed.images
    conventions = {"conventions": asdict(arch.conventions)} if arch.conventions else {}
    modules = [module for extra in ("train", *extras) for module in EXTRAS[extra]]
    source = {"file": weights.name, "sha256": _sha256(weights)} if weights else {"seed": SEED}
    return {
        "schema": SCHEMA,
        "network": {
            "name": arch.name,
            "source": arch.source,
            "arch_id": arch.arch_id,
            "params": deployed.params,
            "macs": arch.macs,
        },
        "weights": source | {"given": weights is not None} | images.training() | conventions,
        "input": {"name": INPUT, "shape": [batch, *arch.input], **images.facts()},
        "output": {
            "name": OUTPUT,
            "shape": [batch, *deployed.graph.shape],
            **({"classes": [*images.classes]} if images.classes else {}),
        },
        "versions": versions() | {"system": platform()} | versions(*modules),
        "formats": [_entry(one, folder) for one in exported],
    }


def _entry(one: Exported, folder: Path) -> dict[str, Any]:
    if one.error:
        return {"format": one.format, "error": one.error}
    files = [
        {"name": name, "bytes": size}
        | ({"sha256": _sha256(folder / name)} if (folder / name).is_file() else {})
        for name, size in one.files.items()
    ]
    found = asdict(one.check) if one.check else None
    return {"format": one.format, "files": files, "check": found, "note": one.note}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
