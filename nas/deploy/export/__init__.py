"""Exports: the network as deployed, in the file formats of runtimes on phones and elsewhere."""

from __future__ import annotations

from nas.deploy.export.base import Deployed, Format, deploy
from nas.deploy.export.check import Check
from nas.deploy.export.formats import FORMATS
from nas.deploy.export.images import Images
from nas.deploy.export.manifest import Exported
from nas.deploy.export.run import Export, export, write
from nas.train.preprocessing import NORMALISATIONS

__all__ = [
    "FORMATS",
    "NORMALISATIONS",
    "Check",
    "Deployed",
    "Export",
    "Exported",
    "Format",
    "Images",
    "deploy",
    "export",
    "write",
]
