"""Provenance: the facts on how a result was made, at the start of every results folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
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
        "versions": {
            "nas": __version__,
            "python": python_version(),
            **{name: found for name in packages if (found := _version(name))},
        },
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
