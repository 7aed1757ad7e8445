"""Provenance: the facts on how a result was made, at the start of every results folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

from nas import __version__

SCHEMA = 1


def provenance(command: Sequence[str], *packages: str) -> dict[str, Any]:
    """Return schema, command, date, and versions of nas, Python and installed `packages`."""
    return {
        "schema": SCHEMA,
        "command": shlex.join(command),
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions(*packages),
    }


def versions(*packages: str) -> dict[str, str]:
    """Versions of nas, Python and installed `packages`."""
    found = {"nas": __version__, "python": python_version()}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
