"""One strict YAML reader for every text file of the project, and one writer.

Closes YAML's traps: repeated keys, tags, anchors and aliases (so nothing explodes or is executed),
`no` read as False, `1e-3` read as text, `12:30:45` read as a number. Plain scalars follow the YAML
1.2 core schema, but a number must be finite. A file is at most 250 kB.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from math import isfinite
from numbers import Number
from pathlib import Path
from typing import Any, NoReturn

import yaml

from nas.errors import DocumentError, UnknownNameError, first_line
from nas.files.text import MAX_BYTES, read_text

MAX_DIGITS = 18
BASES = {"0o": 8, "0x": 16}
"""Prefix -> base of integers that are not decimal."""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            _refuse("anchors and aliases are not allowed", event)
        if getattr(event, "tag", None):
            _refuse(f"tags are not allowed ({event.tag})", event)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or not key.tag.endswith(":str"):
                _refuse("a key must be plain text", key)
            if key.value in seen:
                _refuse(f"key {key.value!r} is repeated", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        text = node.value.lower()
        if text.lstrip("+-") in (".inf", ".nan"):
            _refuse(f"expected a finite number, found {node.value}", node)
        whole = node.tag.endswith(":int")
        if len(text) > MAX_DIGITS if whole else not isfinite(float(text)):
            _refuse("number is too large", node)
        return int(text, BASES.get(text[:2], 10)) if whole else float(text)


def _refuse(problem: str, at: Any) -> NoReturn:
    """Refuse the event or node `at`."""
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)


class _Dumper(yaml.SafeDumper):
    """Quotes text that the reader or YAML 1.1 would misread."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_undefined(self, data: Any) -> Any:
        """Represent NumPy's numbers as Python's."""
        if not isinstance(data, Number):
            return super().represent_undefined(data)
        return self.represent_data(data.item())  # type: ignore[attr-defined]


_Dumper.add_representer(None, _Dumper.represent_undefined)  # type: ignore[arg-type]
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first) + [""]
        )


def parse(text: str, origin: str, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Return the mapping in a YAML text; `origin` names it in errors.

    Raises:
        DocumentError: the text is malformed, hostile, too large, or not a mapping.
    """
    if len(text) > max_bytes:
        raise DocumentError(f"{origin}: larger than {max_bytes} bytes")
    try:
        content = yaml.load(text, Loader=_Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise DocumentError(f"{origin}{place}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise DocumentError(f"{origin}: not readable as YAML: {first_line(error)}") from None
    except RecursionError:
        raise DocumentError(f"{origin}: not readable as YAML: nested too deeply") from None
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise DocumentError(f"{origin}: expected a mapping, found {found}")
    return content


def read(path: Path, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Read a file; see `parse`."""
    return parse(read_text(path, max_bytes), str(path), max_bytes)


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a document that `read` accepts: keys in order, tuples as lists, no aliases."""
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    path.write_text(text, encoding="utf-8")


def check_keys(
    content: dict[str, Any], origin: str, *, required: Set[str], optional: Set[str] = frozenset()
) -> None:
    """Refuse a document with missing or unknown keys."""
    for key in content:
        if key not in required | optional:
            raise DocumentError(str(UnknownNameError("key", key, required | optional, origin)))
    for key in sorted(required - set(content)):
        raise DocumentError(f"{origin}: key {key!r} is missing")
