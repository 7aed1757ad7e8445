"""Documents whose keys are the fields of frozen dataclasses: read strictly, and as JSON Schema.

A field without a default must be there. Its type, and what `between`, `one_of`, `some_of` or `text`
add to it, say which values are valid: a number in a range, one of some names, text, true or false,
a list, values by name, a nested dataclass, or anything. The docstring under a field is its
description in the schema.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Collection, Mapping, Set
from dataclasses import MISSING, Field, field, fields, is_dataclass
from math import inf, isfinite
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from nas.errors import DocumentError, UnknownNameError, brief

T = TypeVar("T")
Schema = dict[str, Any]


class Range(NamedTuple):
    """Numbers from `low` to `high`, above `above` and below `below`."""

    low: float = -inf
    high: float = inf
    above: float = -inf
    below: float = inf

    def __contains__(self, number: object) -> bool:
        assert isinstance(number, int | float)
        inside = self.low <= number <= self.high and self.above < number < self.below
        return isfinite(number) and inside

    def __str__(self) -> str:
        words = ("from", "above", "to", "and below")
        ends = zip(words, (self.low, self.above, self.high, self.below), strict=True)
        return "".join(f" {word} {end:g}" for word, end in ends if isfinite(end))

    def schema(self) -> Schema:
        """As keywords of JSON Schema."""
        keys = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        return {key: end for key, end in zip(keys, self, strict=True) if isfinite(end)}


ANY_NUMBER = Range()
WORDS = {bool: "true or false", str: "text"}
"""What a field of this type holds, in words."""


def one_of(*names: str) -> Any:
    """A field that is one of these names; defaults to the first."""
    return field(default=names[0], metadata={"names": names})


def required_one_of(names: Collection[str]) -> Any:
    """A field that is one of these names, and must be there."""
    return field(metadata={"names": names})


def some_of(*names: str, default: Any = MISSING) -> Any:
    """A field that lists any of these names, or any values without names; it may be empty."""
    return field(default=default, metadata={"names": names, "may_be_empty": True})


def between(
    default: Any = MISSING,
    low: float = 0.0,
    high: float = 1e6,
    *,
    above: float = -inf,
    below: float = inf,
) -> Any:
    """A field that is a number in this range, or several; default None: it may be missing."""
    low = -inf if above > -inf else low
    high = inf if below < inf else high
    return field(default=default, metadata={"range": Range(low, high, above, below)})


def optional() -> Any:
    """A field that may be missing, and then is None."""
    return field(default=None)


def text(*, line: bool = False) -> Any:
    """A field that is text, not blank; one `line` has no control codes."""
    return field(metadata={"text": "a line of text" if line else "text"})


def read_record(kind: type[T], content: Any, origin: str, *, closed: bool = True) -> T:
    """The dataclass that a mapping describes; unknown keys are ignored if it is not `closed`.

    Raises:
        DocumentError: naming `origin`, the key, what was found and what was expected.
    """
    return _Reader(origin, closed).record(kind, content, "")


def required_keys(kind: Any) -> set[str]:
    """Names of the fields that must be there."""
    return {part.name for part in fields(kind) if part.default is MISSING}


class _Reader:
    """Reads values at their paths in one document."""

    def __init__(self, origin: str, closed: bool) -> None:
        self.origin, self.closed = origin, closed

    def record(self, kind: type[T], content: Any, path: str) -> T:
        if not isinstance(content, Mapping):
            self._fail(path, "keys and values", content)
        parts = {part.name: part for part in fields(kind)}  # type: ignore[arg-type]
        known = {key: cell for key, cell in content.items() if self.closed or key in parts}
        from nas.files.yaml import check_keys  # help pages need no PyYAML

        check_keys(known, self._place(path), required=required_keys(kind), optional=set(parts))
        hints = get_type_hints(kind)
        return kind(
            **{
                key: self._value(hints[key], parts[key].metadata, cell, _at(path, key))
                for key, cell in known.items()
            }
        )

    def _value(self, hint: Any, metadata: Mapping[str, Any], cell: Any, path: str) -> Any:
        if hint is Any or (cell is None and _may_be_none(hint)):
            return cell
        hint = _without_none(hint)
        origin, args = get_origin(hint), get_args(hint)
        if origin is tuple:
            return self._items(args, metadata, cell, path)
        if origin is Mapping:
            if not isinstance(cell, Mapping):
                self._fail(path, "keys and values", cell)
            return {k: self._value(args[1], metadata, v, _at(path, k)) for k, v in cell.items()}
        if is_dataclass(hint):
            return self.record(hint, cell, path)  # type: ignore[arg-type]
        if origin is Literal:
            if cell not in args or type(cell) is not type(args[0]):
                self._fail(path, " or ".join(map(str, args)), cell)
        elif hint in (int, float):
            return self._number(hint, metadata.get("range", ANY_NUMBER), cell, path)
        elif not isinstance(cell, hint) or ("text" in metadata and not cell.strip()):
            words = " or ".join(metadata.get("names", ())) or WORDS[hint]
            self._fail(path, metadata.get("text", words), cell)
        elif metadata.get("text") == "a line of text" and not cell.isprintable():
            self._fail(path, "a line of text", cell)
        elif (names := metadata.get("names")) and cell not in names:
            raise DocumentError(str(UnknownNameError("value", cell, names, self._place(path))))
        return cell

    def _items(
        self, args: tuple[Any, ...], metadata: Mapping[str, Any], cell: Any, path: str
    ) -> Any:
        if not isinstance(cell, list) or not (cell or metadata.get("may_be_empty")):
            self._fail(path, "a list", cell)
        hints = args[:1] * len(cell) if args[-1] is ... else args
        if len(hints) != len(cell):
            self._fail(path, f"{len(hints)} values", cell)
        return tuple(
            self._value(hint, metadata, item, f"{path} {number}")
            for number, (hint, item) in enumerate(zip(hints, cell, strict=True), 1)
        )

    def _number(self, kind: type, limits: Range, cell: Any, path: str) -> Any:
        types = int if kind is int else (int, float)
        if isinstance(cell, bool) or not isinstance(cell, types) or cell not in limits:
            self._fail(path, f"a {'whole ' if kind is int else ''}number{limits}", cell)
        return kind(cell)

    def _place(self, path: str) -> str:
        return f"{self.origin} ({path})" if path else self.origin

    def _fail(self, path: str, expected: str, found: Any) -> Any:
        raise DocumentError(f"{self._place(path)}: expected {expected}, found {brief(found)}")


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _may_be_none(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint)


def _without_none(hint: Any) -> Any:
    if not _may_be_none(hint):
        return hint
    (own,) = (arg for arg in get_args(hint) if arg is not NoneType)
    return own


def closed_mapping(content: Schema, required: Set[str]) -> Schema:
    """JSON Schema of a mapping with these `properties` and no others."""
    needed = [key for key in content["properties"] if key in required]
    keywords = {"required": needed} if required else {}
    return {"type": "object", **keywords, "additionalProperties": False, **content}


def properties_of(kind: Any) -> Schema:
    """JSON Schema of the fields of a dataclass, as `properties`."""
    hints, texts = get_type_hints(kind), _docstrings(kind)
    properties = {part.name: _schema(hints[part.name], part) for part in fields(kind)}
    for name, description in texts.items():
        first = {"description": description}
        properties[name] = first | properties[name] | first
    return {"properties": properties}


def _docstrings(kind: type) -> dict[str, str]:
    """Field -> the docstring under it, on one line."""
    (tree,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for before, node in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(before, ast.AnnAssign) and isinstance(node, ast.Expr):
            found[ast.unparse(before.target)] = " ".join(ast.literal_eval(node.value).split())
    return found


def _schema(hint: Any, part: Field[Any]) -> Schema:
    default = {} if part.default in (MISSING, None, "", ()) else {"default": part.default}
    if hint is Any:
        return {}
    if _may_be_none(hint):
        found = _schema(_without_none(hint), part)
        return {**found, "type": [found["type"], "null"]}
    origin, args = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        own = closed_mapping(properties_of(hint), required_keys(hint))
        return {"description": inspect.getdoc(hint), **own}
    if origin is Literal:
        return {"const": args[0]} if len(args) == 1 else {"enum": list(args)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema(args[1], part)}
    if origin is tuple:
        default = {key: list(value) for key, value in default.items()}
        items = _schema(args[0], part)
        items.pop("default", None)
        least: Schema = {} if part.metadata.get("may_be_empty") else {"minItems": 1}
        return {"type": "array", **least, **({"items": items} if items else {}), **default}
    if names := part.metadata.get("names"):
        return {"enum": list(names), **default}
    if hint in (int, float):
        number = "integer" if hint is int else "number"
        return {"type": number, **part.metadata.get("range", ANY_NUMBER).schema(), **default}
    pattern = {"pattern": r"\S"} if "text" in part.metadata else {}
    return {"type": "boolean" if hint is bool else "string", **pattern, **default}
