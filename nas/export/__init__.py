"""Exports: the network as deployed, in the file formats of runtimes on phones and elsewhere."""

from __future__ import annotations

from nas.export.base import NORMALISATIONS, Deployed, Format, deploy
from nas.export.check import Check
from nas.export.formats import FORMATS
from nas.export.manifest import Exported
from nas.export.run import Export, export, write

__all__ = [
    "FORMATS",
    "NORMALISATIONS",
    "Check",
    "Deployed",
    "Export",
    "Exported",
    "Format",
    "deploy",
    "export",
    "write",
]
