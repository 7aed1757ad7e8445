"""A kind of file: its keys, its JSON Schema and its strict loader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

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
    record: Any
    """The dataclass that declares the keys."""
    load: Callable[[Path], Found]
    """The strict loader."""
    content: Callable[[Any], Schema] = properties_of
    """Returns `properties` of the record, and the definitions they refer to."""

    @property
    def keys(self) -> set[str]:
        """All keys that a file may have."""
        return {part.name for part in fields(self.record)}

    @property
    def required(self) -> set[str]:
        """Keys that a file must have."""
        return required_keys(self.record)

    def schema(self) -> Schema:
        """The JSON Schema (draft 2020-12) of the file."""
        return {
            "$schema": DIALECT,
            "title": self.title,
            "description": f"As in {self.files}",
            **closed_mapping(self.content(self.record), self.required),
        }
