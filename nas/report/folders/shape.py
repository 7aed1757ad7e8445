"""What a document of ours must look like to be read back: keys and the types of their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas.errors import DocumentError, brief

NUMBER = (int, float)


def check(content: object, shape: Any, origin: str, path: str = "") -> None:
    """Compare with a shape: a type or several, a mapping of shapes, or a list of shapes.

    A list of one shape stands for any number of values, else for as many as there are shapes. A key
    that ends in `?` may be missing; what else a document holds is nobody's business here.

    Raises:
        DocumentError: naming the key, what was found and what was expected.
    """
    place = f"{origin} ({path})" if path else origin
    if isinstance(shape, Mapping):
        _expect(content, dict, place)
        assert isinstance(content, dict)
        for key, kind in shape.items():
            name = key.removesuffix("?")
            if name in content:
                check(content[name], kind, origin, f"{path}.{name}" if path else name)
            elif name == key:
                raise DocumentError(f"{place}: key {name!r} is missing")
    elif isinstance(shape, list):
        _expect(content, list, place)
        assert isinstance(content, list)
        shapes = shape * len(content) if len(shape) == 1 else shape
        if len(content) != len(shapes):
            raise DocumentError(f"{place}: expected {len(shapes)} values, found {brief(content)}")
        for index, (each, kind) in enumerate(zip(content, shapes, strict=True), start=1):
            check(each, kind, origin, f"{path} {index}")
    else:
        _expect(content, shape, place)


def _expect(content: object, kind: type | tuple[type, ...], place: str) -> None:
    if not isinstance(content, kind) or (isinstance(content, bool) and kind is not bool):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        expected = " or ".join(each.__name__ for each in kinds)
        raise DocumentError(f"{place}: expected {expected}, found {brief(content)}")
