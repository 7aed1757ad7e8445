"""Export networks to the file formats of runtimes."""

from __future__ import annotations

from nas.deploy.export.base import Deployed, Format, deploy
from nas.deploy.export.check import OutputCheck
from nas.deploy.export.formats import FORMATS
from nas.deploy.export.images import InputImages
from nas.deploy.export.manifest import Exported
from nas.deploy.export.run import Export, export, steps, write
from nas.train.preprocessing import NORMALISATIONS

__all__ = [
    "FORMATS",
    "NORMALISATIONS",
    "OutputCheck",
    "Deployed",
    "Export",
    "Exported",
    "Format",
    "InputImages",
    "deploy",
    "export",
    "steps",
    "write",
]
