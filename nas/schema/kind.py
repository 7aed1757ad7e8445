"""A kind of file: its keys, its JSON Schema and its strict loader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT: Schema = {"type": "string", "pattern": r"\S"}


class Found(NamedTuple):
    """What a strict loader made of a file."""

    kind: str
    name: str
    holds: str
    """In a few words."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of YAML file."""

    name: str
    title: str
    files: str
    """Where the shipped ones are, as a pattern."""
    required: Set[str]
    optional: Set[str]
    content: Callable[[], Schema]
    """`properties` and what they refer to."""
    load: Callable[[Path], Found]
    """The strict loader."""

    def schema(self) -> Schema:
        """The JSON Schema (draft 2020-12) of the file."""
        return {
            "$schema": DIALECT,
            "title": self.title,
            "description": f"As in {self.files}",
            **closed(self.content(), self.required),
        }


def closed(content: Schema, required: Set[str]) -> Schema:
    """A mapping with these `properties` and no others."""
    needed = {"required": [key for key in content["properties"] if key in required]}
    needed = needed if required else {}
    return {"type": "object", **needed, "additionalProperties": False, **content}


def described(keys: Mapping[str, str], schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """Each key's schema with what it says; a key without one may hold anything."""
    return {key: {"description": text, **schemas.get(key, {})} for key, text in keys.items()}
