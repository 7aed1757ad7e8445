"""A document is held to the dataclass that declares it, and described by it as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from nas.errors import DocumentError
from nas.files.records import (
    between,
    one_of,
    optional,
    properties_of,
    read_record,
    some_of,
    text,
)


@dataclass(frozen=True, slots=True)
class Inner:
    """Something inside."""

    pair: tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    schema: Literal[1]
    name: str = text(line=True)
    above: float = between(1.0, above=0, high=2)
    count: int | None = between(None, low=1)
    mode: str = one_of("fast", "slow")
    marks: tuple[str, ...] = some_of("a", "b", default=())
    """Marks,
    on two lines."""
    inner: Inner = optional()
    others: Mapping[str, Inner] = optional()
    notes: Any = None


GOOD: dict[str, Any] = {"schema": 1, "name": "x"}


def test_what_is_there_is_read_and_the_rest_has_its_default() -> None:
    found = read_record(Outer, GOOD | {"inner": {"pair": ["a", 1]}, "count": None}, "f")
    assert found == Outer(schema=1, name="x", inner=Inner(("a", 1)), count=None, above=1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nmae": 1}, "f: unknown key 'nmae'; nearest: name, mode"),
        ({"schema": 2}, "f (schema): expected 1, found 2"),
        ({"schema": True}, "f (schema): expected 1, found True"),
        ({"name": " "}, "f (name): expected a line of text, found ' '"),
        ({"name": "a\nb"}, "f (name): expected a line of text, found 'a\\nb'"),
        ({"above": 0}, "f (above): expected a number above 0 to 2, found 0"),
        ({"above": float("nan")}, "f (above): expected a number above 0 to 2, found nan"),
        ({"count": 1.5}, "f (count): expected a whole number from 1 to 1e+06, found 1.5"),
        ({"count": True}, "f (count): expected a whole number from 1 to 1e+06, found True"),
        ({"mode": "fats"}, "f (mode): unknown value 'fats'; nearest: fast"),
        ({"marks": ["a", "c"]}, "f (marks 2): unknown value 'c'; valid: a, b"),
        ({"inner": None}, "f (inner): expected keys and values, found None"),
        ({"inner": {"pair": ["a"]}}, "f (inner.pair): expected 2 values, found ['a']"),
        ({"inner": {"pair": ["a", "b"]}}, "f (inner.pair 2): expected a whole number, found 'b'"),
        ({"others": {"x": {}}}, "f (others.x): key 'pair' is missing"),
    ],
)
def test_a_mistake_is_named_by_file_and_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_record(Outer, GOOD | changes, "f")
    assert str(caught.value) == message


def test_an_open_document_may_have_other_keys_at_any_depth() -> None:
    content = GOOD | {"more": 1, "inner": {"pair": ["a", 1], "more": 2}}
    assert read_record(Outer, content, "f", closed=False).inner == Inner(("a", 1))


def test_the_schema_says_what_the_reader_says() -> None:
    properties = properties_of(Outer)["properties"]
    assert properties["schema"] == {"const": 1}
    assert properties["name"] == {"type": "string", "pattern": r"\S"}
    assert properties["above"] == {
        "type": "number",
        "maximum": 2,
        "exclusiveMinimum": 0,
        "default": 1.0,
    }
    assert properties["count"]["type"] == ["integer", "null"]
    assert properties["marks"] == {
        "description": "Marks, on two lines.",
        "type": "array",
        "items": {"enum": ["a", "b"]},
    }
    assert properties["inner"]["description"] == "Something inside."
    assert properties["inner"]["required"] == ["pair"]
    assert properties["notes"] == {}
