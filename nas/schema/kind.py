"""A kind of file: its keys, its JSON Schema and its strict loader."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import NamedTuple

from nas.files.records import Schema, closed_mapping, properties_of, required_keys

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Found(NamedTuple):
    """A loaded file."""

    kind: str
    name: str
    holds: str
    """A short description of the content."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of YAML file."""

    name: str
    title: str
    files: str
    """Pattern of the shipped files."""
    required: Set[str]
    optional: Set[str]
    content: Callable[[], Schema]
    """Returns `properties` and the definitions they refer to."""
    load: Callable[[Path], Found]
    """The strict loader."""

    def schema(self) -> Schema:
        """The JSON Schema (draft 2020-12) of the file."""
        return {
            "$schema": DIALECT,
            "title": self.title,
            "description": f"As in {self.files}",
            **closed_mapping(self.content(), self.required),
        }


def kind_of_record(
    name: str, title: str, files: str, record: type, load: Callable[[Path], Found]
) -> Kind:
    """Return the kind of file that a dataclass declares."""
    required = required_keys(record)
    optional = {part.name for part in fields(record)} - required
    return Kind(name, title, files, required, optional, partial(properties_of, record), load)
