"""Tables: architectures, and spaces with choices.

A schema does not know which column a cell stands in, since the header is data: it holds a cell to
be good in some column, so a word must be an op, an activation, a ratio or a shape.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path
from typing import Any

from nas.arch import arch_of
from nas.blocks import BLOCKS, FIELDS, Row
from nas.schema.kind import TEXT, Found, Kind, Schema, closed, described
from nas.space import Space
from nas.table import (
    COLUMNS,
    FIGURES,
    MAX_REPEATS,
    MAX_SIDE,
    OPTIONAL,
    REPEATS,
    REQUIRED,
    SCALES,
    SCHEMA,
    SIZES,
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


def _content(*, choices: bool) -> Schema:
    columns = {name: _column(name) for name in COLUMNS}
    some_column = {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in COLUMNS]}
    null = {"type": "null", "description": "the op's own default"}
    cell = {"anyOf": [null, *some_column["anyOf"]]}
    size = {"type": "integer", "minimum": 1, "maximum": MAX_SIDE}
    shape = {"type": "array", "minItems": 3, "maxItems": 3, "items": size}
    names = _one_of({name: columns[name]["description"] for name in COLUMNS})
    count = {"type": "integer", "minimum": 0}
    row: Schema = {"$ref": "#/$defs/row"}
    either = closed({"properties": {"either": _list_of(row)}}, {"either"})
    entry = {"anyOf": [row, either]}
    any_of = closed({"properties": {"any": _list_of(_list_of({"$ref": "#/$defs/entry"}))}}, {"any"})
    properties = {
        "name": TEXT,
        "source": TEXT,
        "input": {"anyOf": [shape, _list_of(shape)]} if choices else shape,
        "columns": {**_list_of(names), "uniqueItems": True, "contains": {"const": "op"}},
        "rows": _list_of({"anyOf": [{"$ref": "#/$defs/entry"}, any_of]} if choices else row),
        "expect": {
            "type": ["object", "null"],
            "properties": dict.fromkeys(FIGURES, count),
            "additionalProperties": False,
        },
        "schema": {"const": SCHEMA},
    }
    defs = columns | {"cell": cell}
    defs["row"] = _list_of(
        {"anyOf": [{"$ref": "#/$defs/cell"}, _list_of({"$ref": "#/$defs/cell"})]}
        if choices
        else {"$ref": "#/$defs/cell"}
    )
    if choices:
        defs["entry"] = entry
    return {"properties": described(REQUIRED | OPTIONAL, properties), "$defs": defs}


def _load(path: Path) -> Found:
    table = read_table(path)
    if table.fixed:
        arch = arch_of(table)
        return Found("arch", arch.name, f"{len(arch.rows)} rows, {arch.params:,} parameters")
    return Found("space", table.name, f"{Space(table).size():.1e} networks")


def _kind(name: str, title: str, files: str, *, choices: bool) -> Kind:
    content = partial(_content, choices=choices)
    return Kind(name, title, files, REQUIRED.keys(), OPTIONAL.keys(), content, _load)


ARCH = _kind("arch", "Architecture", "search_spaces/archs/*.yaml", choices=False)
SPACE = _kind("space", "Search space", "search_spaces/*.yaml", choices=True)
