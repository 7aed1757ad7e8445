"""Tables: architectures, and spaces with choices.

A schema does not know which column a cell stands in, since the header is data: it holds a cell to
be good in some column, so a word must be an op, an activation, a ratio or a shape.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path
from typing import Any

from nas.blocks import BLOCKS, FIELDS, Row
from nas.files.records import Schema, closed_mapping, properties_of
from nas.schema.kind import Found, Kind
from nas.space.arch import arch_of
from nas.space.space import Space
from nas.space.table import (
    COLUMNS,
    MAX_REPEATS,
    MAX_SIDE,
    REPEATS,
    SCALES,
    SIZES,
    TableDocument,
    read_table,
)


def _one_of(meanings: dict[str, str]) -> Schema:
    return {"oneOf": [{"const": word, "description": text} for word, text in meanings.items()]}


def _shown(default: Any) -> str:
    return "" if default is MISSING else f"={'~' if default is None else default}"


def _of_op(row: type[Row]) -> str:
    """Its first line, and the columns that it reads with their defaults."""
    columns = ", ".join(f"{field.name}{_shown(field.default)}" for field in fields(row))
    return f"{(row.__doc__ or '').partition(chr(10))[0]} Columns: {columns or 'none'}"


#: columns that are no op's own -> what they mean, and what a cell holds
_OWN: dict[str, tuple[str, Schema]] = {
    "in": (
        "shape that reaches the row: 56x24 (side x channels), 56x48x24, or 1280 for a vector",
        {
            "type": ["string", "integer"],
            "pattern": f"^({SIZES.pattern})$",
            "minimum": 0,
            "examples": ["56x24"],
        },
    ),
    "op": ("the row's op", _one_of({op: _of_op(row) for op, row in BLOCKS.items()})),
    "n": (
        "repeats: the stride on the first, the others keep the width",
        {"type": "integer", "minimum": 0, "maximum": MAX_REPEATS},
    ),
    "repeat": ("one choice for all repeats, or one for each", {"enum": list(REPEATS)}),
    "scale": ("how the row follows multipliers (nas scale)", {"enum": list(SCALES)}),
}


def _column(name: str) -> Schema:
    if name in FIELDS:
        return {"description": FIELDS[name].meaning, **FIELDS[name].schema}
    meaning, schema = _OWN[name]
    return {"description": meaning, **schema}


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _only(key: str, value: Schema) -> Schema:
    """A mapping with this one key."""
    return closed_mapping({"properties": {key: value}}, {key})


def _defs(*, choices: bool) -> dict[str, Schema]:
    """What a cell of each column holds, then cells, rows and, with choices, groups of rows."""
    columns = {name: _column(name) for name in COLUMNS}
    default = {"type": "null", "description": "the op's own default"}
    cell = {"anyOf": [default, *map(_ref, COLUMNS)]}
    if not choices:
        return columns | {"cell": cell, "row": _list_of(_ref("cell"))}
    choice = {"anyOf": [_ref("cell"), _list_of(_ref("cell"))]}
    entry = {"anyOf": [_ref("row"), _only("either", _list_of(_ref("row")))]}
    group = _only("any", _list_of(_list_of(_ref("entry"))))
    return columns | {"cell": cell, "row": _list_of(choice), "entry": entry, "group": group}


def _content(record: Any, *, choices: bool) -> Schema:
    size = {"type": "integer", "minimum": 1, "maximum": MAX_SIDE}
    shape = {"type": "array", "minItems": 3, "maxItems": 3, "items": size}
    names = _list_of(_one_of({name: _column(name)["description"] for name in COLUMNS}))
    entry = {"anyOf": [_ref("entry"), _ref("group")]} if choices else _ref("row")
    properties = {
        "input": {"anyOf": [shape, _list_of(shape)]} if choices else shape,
        "columns": {**names, "uniqueItems": True, "contains": {"const": "op"}},
        "rows": _list_of(entry),
    }
    declared = properties_of(record)["properties"]
    properties = {key: {**schema, **properties.get(key, {})} for key, schema in declared.items()}
    if not choices:
        del properties["rules"]
    return {"properties": properties, "$defs": _defs(choices=choices)}


def _load(path: Path) -> Found:
    table = read_table(path)
    if table.fixed:
        arch = arch_of(table)
        return Found("arch", arch.name, f"{len(arch.rows)} rows, {arch.params:,} parameters")
    stated = [f"{key} {value}" for key, value in table.rules.stated.items()]
    return Found("space", table.name, ", ".join([f"{Space(table).size():.1e} networks", *stated]))


def _kind(name: str, title: str, files: str, *, choices: bool) -> Kind:
    return Kind(name, title, files, TableDocument, _load, partial(_content, choices=choices))


ARCH = _kind("arch", "Architecture", "search_spaces/archs/*.yaml", choices=False)
SPACE = _kind("space", "Search space", "search_spaces/*.yaml", choices=True)
