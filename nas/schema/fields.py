"""Schemas of documents that are dataclasses; the docstring under a field is its description."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from nas.files.records import required
from nas.schema.kind import Found, Kind, Schema, closed


def _docstrings(kind: type) -> dict[str, str]:
    """Field -> the docstring under it."""
    (tree,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for before, node in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(before, ast.AnnAssign) and isinstance(node, ast.Expr):
            found[ast.unparse(before.target)] = ast.literal_eval(node.value)
    return found


def properties_of(kind: Any) -> Schema:
    """What the fields of a dataclass may be."""
    hints, texts = get_type_hints(kind), _docstrings(kind)
    properties = {field.name: _value(hints[field.name], field) for field in fields(kind)}
    for name, text in texts.items():
        properties[name] = {"description": text, **properties[name]}
    return {"properties": properties}


def kind_of_fields(
    name: str, title: str, files: str, read: type, load: Callable[[Path], Found]
) -> Kind:
    """The kind of file that is read as a dataclass."""
    optional = {part.name for part in fields(read)} - required(read)
    return Kind(name, title, files, required(read), optional, partial(properties_of, read), load)


def _value(hint: Any, field: Field[Any]) -> Schema:
    if is_dataclass(hint):
        return {"description": inspect.getdoc(hint), **closed(properties_of(hint), required(hint))}
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": _value(get_args(hint)[1], field)}
    if items := get_args(hint):
        default = {"default": list(field.default)} if field.default not in (MISSING, ()) else {}
        items_schema = _value(items[0], field)
        items_schema.pop("default", None)
        return {"type": "array", "minItems": 1, "items": items_schema, **default}
    default = {} if field.default in (MISSING, "", ()) else {"default": field.default}
    if names := field.metadata.get("names"):
        return {"enum": list(names), **default}
    if hint in (int, float):
        low, high = field.metadata["range"]
        number = "integer" if hint is int else "number"
        return {"type": number, "minimum": low, "maximum": high, **default}
    return {"type": "boolean" if hint is bool else "string", **default}
