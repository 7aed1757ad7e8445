"""The reference of every key of every YAML file, from the schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nas.schema import KINDS
from pages.markdown import table

INTRODUCTION = """\
# YAML files

This page lists every key of every kind of file, with its type and meaning. It is generated from
the JSON Schemas (`nas schema`), which come from the strict loaders. [](/tables.md) explains tables,
and [](/editors.md) completion in an editor.
"""

Schema = dict[str, Any]


def files() -> Iterator[str]:
    """Yield one section for each kind of file."""
    yield INTRODUCTION
    shown: Schema = {}
    for kind in KINDS.values():
        schema = kind.schema()
        yield f"## {kind.title}\n\n`nas schema {kind.name}`; as in `{kind.files}`."
        yield from table(("key", "holds", "", "meaning"), _keys(schema))
        cells = {
            name: part
            for name, part in schema.get("$defs", {}).items()
            if "description" in part and name not in shown
        }
        shown |= cells
        if cells:
            yield "### Columns"
            rows = (
                (f"`{name}`", _holds(part), part["description"]) for name, part in cells.items()
            )
            yield from table(("column", "a cell holds", "meaning"), rows)
        for name, part in cells.items():
            if "oneOf" in part:
                yield f"### Words for `{name}`"
                words = ((f"`{word['const']}`", word["description"]) for word in part["oneOf"])
                yield from table((name, "meaning"), words)


def _keys(schema: Schema, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each key, followed by the keys of a mapping inside it."""
    required = schema.get("required", ())
    for key, part in schema["properties"].items():
        state = "required" if key in required else ""
        state = f"default {part['default']}" if "default" in part else state
        yield f"`{prefix}{key}`", _holds(part), state, part.get("description", "")
        inner = part.get("items", part)
        if "properties" in inner:
            yield from _keys(inner, f"{prefix}{key}.")


def _holds(part: Schema) -> str:
    """Describe in words what a value may be."""
    if "enum" in part:
        return " ".join(f"`{word}`" for word in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    if "anyOf" in part:
        return " or ".join(_holds(choice) for choice in part["anyOf"])
    if "oneOf" in part:
        return "a word below"
    if "$ref" in part:
        return str(part["$ref"].rpartition("/")[2])
    types = part.get("type", "anything")
    words = [types] if isinstance(types, str) else types
    if words == ["array"]:
        return f"list of {_holds(part['items'])}" if "items" in part else "list"
    return " or ".join(NAMES.get(word, word) for word in words) + _limits(part)


#: names of JSON's types for readers of YAML
NAMES = {"string": "text", "object": "keys and values", "integer": "whole number", "null": "`~`"}


def _limits(part: Schema) -> str:
    low, above, high = (part.get(key) for key in ("minimum", "exclusiveMinimum", "maximum"))
    start = (
        f" above {above:g}" if above is not None else f" from {low:g}" if low is not None else ""
    )
    odd = ", odd" if "not" in part else ""
    like = f" like `{part['examples'][0]}`" if "examples" in part else ""
    return start + (f" to {high:g}" if high is not None else "") + odd + like
