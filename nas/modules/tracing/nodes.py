"""Read a node of an exported program: call, arguments, tensors and shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod
from typing import Any

from nas.graph.ops import Shape
from nas.modules.tracing.aten import ATEN, NO_RULE, AtenRule

PREFIX = "module."
"""Prefix of all paths in a program (see `nas.modules.tracing.capture`)."""


def call_name(node: Any) -> str:
    """Name of a node's call, without overload and in-place underscore."""
    name = getattr(node.target, "__name__", str(node.target)).split(".")[0]
    return name if name.startswith("_") else name.rstrip("_")


def rule_of(node: Any) -> AtenRule:
    """The rule for a node's call."""
    return ATEN.get(call_name(node), NO_RULE)


def arguments(node: Any) -> dict[str, Any]:
    """Arguments of a node by their names in the schema, with defaults."""
    schema = getattr(node.target, "_schema", None)
    known = [] if schema is None else schema.arguments
    found = {a.name: a.default_value for a in known}
    found.update(zip(found, node.args, strict=False))
    found.update(node.kwargs)
    return found


def written(node: Any) -> list[Any]:
    """Nodes whose tensors a call writes to."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return []
    given = arguments(node)
    names = [a.name for a in schema.arguments if a.alias_info and a.alias_info.is_write]
    return [source for name in names for source in _nodes(given.get(name))]


def viewed(node: Any) -> Any:
    """The node whose memory a value may share; None if the value is new."""
    if call_name(node) == "getitem":
        return node.args[0]
    schema = getattr(node.target, "_schema", None)
    if schema is None or not any(result.alias_info for result in schema.returns):
        return None
    given = arguments(node)
    shared = [a.name for a in schema.arguments if a.alias_info]
    return next((source for name in shared for source in _nodes(given.get(name))), None)


def tensors(node: Any) -> list[Any]:
    """Nodes whose values a call reads, in order, with repetitions."""
    found = [n for n in _nodes([*node.args, *node.kwargs.values()]) if value(n) is not None]
    # such a call uses only the shape or type of its second tensor
    formed_after = call_name(node).endswith("_as") or str(node.target) == "aten.to.other"
    return found[:1] if formed_after else found


def _nodes(argument: Any) -> Iterator[Any]:
    if isinstance(argument, list | tuple):
        for part in argument:
            yield from _nodes(part)
    elif hasattr(argument, "all_input_nodes"):
        yield argument


def value(node: Any) -> Any:
    """The value of a node, or the first tensor of several; None if there is no tensor."""
    found = node.meta.get("val")
    if isinstance(found, list | tuple):
        found = next((item for item in found if hasattr(item, "shape")), None)
    return found if hasattr(found, "shape") else None


def raw_shape(node: Any) -> tuple[int, ...]:
    """The full shape of a node's value, with its batch."""
    return tuple(int(size) for size in value(node).shape)


def image_shape(node: Any) -> Shape:
    """Shape of a node's value for one image, without the batch dimension."""
    shape = raw_shape(node)
    if len(shape) > 1 and shape[0] == 1:
        return shape[1:]
    if len(shape) > 4 and 1 in shape[1:-2]:
        at = shape.index(1, 1)
        return shape[:at] + shape[at + 1 :]
    return shape


def map_shape(node: Any, rank: int | None = None) -> Shape:
    """Shape (C, H, W) of a value of any rank; windows in the batch count as height.

    A value of `rank` + 1 dimensions has no batch.
    """
    shape = raw_shape(node)
    n, c, *sizes = (1, *shape) if rank is not None and len(shape) == rank + 1 else shape
    return (c, n * prod(sizes[:-1]), sizes[-1]) if sizes else (c, n)


def spatial_rank(node: Any) -> int | None:
    """Spatial dimensions of a convolution or pool; None for other calls."""
    weight = arguments(node).get("weight")
    if weight is not None and rule_of(node).kind in ("conv", "transposed"):
        return len(raw_shape(weight)) - 2
    digit = re.search(r"pool(\d)d", call_name(node))
    return int(digit[1]) if digit else None


def first(values: Any) -> int:
    """A number, or the first of a list."""
    return int(values[0] if isinstance(values, list | tuple) else values)


def module_path(node: Any) -> str:
    """Path of the submodule that a node is in; empty outside of all."""
    stack = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
    return next((p.removeprefix(PREFIX) for p in reversed(stack) if p.startswith(PREFIX)), "")


def row_name(path: str) -> str:
    """The top-level submodule of a path; for a list of stages, the stage."""
    top = path.split(".")[:2]
    return ".".join(top if len(top) == 2 and top[1].isdigit() else top[:1])
