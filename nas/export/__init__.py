"""Exports: the network as deployed, in the file formats of runtimes on phones and elsewhere."""

from __future__ import annotations

from nas.export.base import Deployed, Format, deploy
from nas.export.check import Check
from nas.export.formats import FORMATS
from nas.export.images import Images
from nas.export.manifest import Exported
from nas.export.run import Export, export, write
from nas.preprocessing import NORMALISATIONS

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
