"""Recognises the kind of a file, and loads it strictly."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nas.errors import DocumentError, brief
from nas.files import yaml
from nas.schema import KINDS
from nas.schema.kind import Found, Kind


def check(path: Path) -> Found:
    """Load a file with the loader of its kind.

    Raises:
        NasError: the loader refuses the file, or the file is of no known kind.
    """
    return kind_of(yaml.read(path), str(path)).load(path)


def kind_of(keys: Iterable[str], origin: str) -> Kind:
    """Return the kind that knows most of the keys, and lacks fewest.

    Architectures and spaces share their keys and a loader, which tells them apart.

    Raises:
        DocumentError: no kind knows more than half of the keys.
    """
    found = set(keys)

    def fit(kind: Kind) -> tuple[int, int]:
        return len(found & kind.keys), -len(kind.required - found)

    best = max(KINDS.values(), key=fit)
    if 2 * fit(best)[0] <= len(found):
        raise DocumentError(
            f"{origin}: expected a file of one of the kinds {', '.join(KINDS)},"
            f" found the keys {brief(sorted(found))}"
        )
    return best
