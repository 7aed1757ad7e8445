"""Which kind a file is, and what its strict loader says to it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nas.errors import DocumentError, brief
from nas.files import yaml
from nas.schema import KINDS
from nas.schema.kind import Found, Kind


def check(path: Path) -> Found:
    """What the file holds.

    Raises:
        NasError: the loader's own, or that no loader reads such a file.
    """
    return kind_of(yaml.read(path), str(path)).load(path)


def kind_of(keys: Iterable[str], origin: str) -> Kind:
    """The kind that knows most of the keys, and lacks fewest.

    Architectures and spaces have the same keys and one loader, which tells them apart.

    Raises:
        DocumentError: no kind knows more than half of them.
    """
    found = set(keys)

    def fit(kind: Kind) -> tuple[int, int]:
        return len(found & (kind.required | kind.optional)), -len(kind.required - found)

    best = max(KINDS.values(), key=fit)
    if 2 * fit(best)[0] <= len(found):
        raise DocumentError(
            f"{origin}: expected a file of one of the kinds {', '.join(KINDS)},"
            f" found the keys {brief(sorted(found))}"
        )
    return best
