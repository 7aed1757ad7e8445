"""Documents whose keys are the fields of frozen dataclasses, read strictly.

A field without a default must be there. Its type says what is expected: a number within a range,
one of some names, text, true or false, a list of one of these, values by any name, or fields again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from nas.errors import DocumentError, UnknownNameError, brief
from nas.files.yaml import check_keys

T = TypeVar("T")


def one_of(*names: str) -> Any:
    """A field that is one of these names; the first unless it is said."""
    return field(default=names[0], metadata={"names": names})


def between(default: Any = MISSING, low: float = 0.0, high: float = 1e6) -> Any:
    """A field that is a number in this range, or several."""
    return field(default=default, metadata={"range": (low, high)})


def read_fields(kind: type[T], content: Any, where: str) -> T:
    """The dataclass that a mapping describes.

    Raises:
        DocumentError: naming `where`, the key, what was found and what was expected.
    """
    if not isinstance(content, Mapping):
        raise DocumentError(f"{where}: expected keys and values, found {brief(content)}")
    parts = {part.name: part for part in fields(kind)}  # type: ignore[arg-type]
    check_keys(dict(content), where, required=required(kind), optional=set(parts))
    hints = get_type_hints(kind)
    return kind(
        **{
            key: _value(hints[key], parts[key].metadata, cell, f"{where} ({key})")
            for key, cell in content.items()
        }
    )


def required(kind: Any) -> set[str]:
    """Names of the fields that must be there."""
    return {part.name for part in fields(kind) if part.default is MISSING}


def _value(hint: Any, metadata: Mapping[str, Any], cell: Any, where: str) -> Any:
    if get_origin(hint) is tuple:
        if not isinstance(cell, list) or not cell:
            raise DocumentError(f"{where}: expected a list, found {brief(cell)}")
        return tuple(_value(get_args(hint)[0], metadata, item, where) for item in cell)
    if get_origin(hint) is Mapping:
        if not isinstance(cell, Mapping):
            raise DocumentError(f"{where}: expected keys and values, found {brief(cell)}")
        own = get_args(hint)[1]
        return {key: _value(own, metadata, item, f"{where}.{key}") for key, item in cell.items()}
    if is_dataclass(hint):
        return read_fields(hint, cell, where)  # type: ignore[arg-type]
    if hint in (int, float):
        return _number(hint, metadata["range"], cell, where)
    if not isinstance(cell, hint):
        raise DocumentError(f"{where}: expected {hint.__name__}, found {brief(cell)}")
    if (names := metadata.get("names")) and cell not in names:
        raise DocumentError(str(UnknownNameError("value", cell, names, where)))
    return cell


def _number(kind: type, limits: tuple[float, float], cell: Any, where: str) -> Any:
    whole = kind is int
    low, high = limits
    if isinstance(cell, bool) or not isinstance(cell, int if whole else (int, float)):
        raise DocumentError(
            f"{where}: expected a {'whole ' if whole else ''}number, found {brief(cell)}"
        )
    if not low <= cell <= high:
        raise DocumentError(f"{where}: expected {low:g} to {high:g}, found {cell:g}")
    return kind(cell)
