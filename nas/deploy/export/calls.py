"""One op of a graph as code: how its layer is made, or the tensor calls it stands for.

Nothing is said twice: layers are read back from what `nas.modules.layers` makes, and calls from
what it records.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.deploy.export.code import Call, Expr, Slot, under
from nas.graph.ops import Op
from nas.modules.layers import CALLS, Constant, Gather, Param, Scale

OPERATORS = {"add": "+", "mul": "*", "matmul": "@"}
SAME = ("reshape", "expand")
"""Do nothing to a tensor that has the shape already."""

Line = tuple[str, Expr]
"""A name, and the value it gets."""


def made_by(layer: nn.Module) -> Expr:
    """The call that makes a layer."""
    kind = type(layer)
    if isinstance(layer, nn.Sequential):
        parts = (("", under(f"part{i}", made_by(part))) for i, part in enumerate(layer))
        return Call("nn.Sequential", tuple(parts))
    args = tuple(_arguments(layer))
    plain = all(slot.value == slot.default for _, slot in args)
    if plain and kind.__module__ == nn.ReLU.__module__:  # activations may differ between instances
        return Call(Slot("act", kind))
    ours = not kind.__module__.startswith("torch.")
    return Call(kind.__name__ if ours else f"nn.{kind.__name__}", args)


def _arguments(layer: nn.Module) -> Iterator[tuple[str, Slot]]:
    """Of a layer's constructor: torch and this project keep them as attributes of their names."""
    match layer:
        case Scale():
            yield "", Slot("channels", layer.gamma.numel())
        case Param():
            yield "", Slot("shape", tuple(layer.weight.shape))
            yield "", Slot("fill", layer.fill)
        case Constant():
            yield "", Slot("shape", tuple(layer.values.shape))
        case Gather():
            yield "", Slot("shape", tuple(layer.index.shape))
        case _:
            for name, parameter in inspect.signature(type(layer)).parameters.items():
                if not hasattr(layer, name):
                    continue
                value = getattr(layer, name)
                if name == "bias":
                    value = value is not None
                elif isinstance(value, tuple) and len(value) <= 2 and len(set(value)) == 1:
                    value = value[0]
                free = parameter.default is parameter.empty
                named = not free or parameter.kind is parameter.KEYWORD_ONLY
                default = ... if free else parameter.default
                yield name if named else "", Slot(name.removeprefix("out_"), value, default)


def called(op: Op, inputs: Sequence[str], name: str) -> list[Line]:
    """What an op without a layer does with the named inputs; the last value is the op's."""
    graph = _recorded(op)
    values: dict[fx.Node, Expr] = {}
    steps: list[Line] = []
    given = iter(inputs)
    for number, node in enumerate(graph.nodes):
        if node.op == "placeholder":
            values[node] = next(given)
        elif node.op == "output":
            steps.append(("", values[node.args[0]]))
        elif node.target in SAME and _shape(node) == _shape(node.args[0]) is not None:
            values[node] = values[node.args[0]]
        elif (operator := OPERATORS.get(getattr(node.target, "__name__", ""))) is not None:
            values[node] = f" {operator} ".join(str(values[arg]) for arg in node.args)
        else:
            if node.op == "call_method" and not isinstance(values[node.args[0]], str):
                steps.append((name, values[node.args[0]]))  # the call before it gets a name
                values[node.args[0]] = name
            place = name if number == len(inputs) else f"{name}{number}"
            values[node] = _call(node, values, place)
    return steps


def _call(node: fx.Node, values: Mapping[fx.Node, Expr], place: str) -> Call:
    """A call of a tensor's method, or of a function; numbers are slots named after their place."""

    def code(value: Any, where: object) -> Expr:
        if isinstance(value, fx.Node):
            return values[value]
        if isinstance(value, list | tuple) and any(isinstance(v, fx.Node) for v in value):
            return f"({', '.join(str(values[v]) for v in value)})"
        return "-1" if value == -1 else Slot(f"{place}_{where}", value)

    args = [*node.args]
    while args[-1] is None:
        args.pop()
    if node.op == "call_method":
        head = f"{code(args.pop(0), '')}.{node.target}"
    else:
        head = _function(node.target)
    found = [("", code(arg, f"dim{dim}")) for dim, arg in enumerate(args)]
    found += [(keyword, code(arg, keyword)) for keyword, arg in _options(node).items()]
    return Call(head, tuple(found))


def _recorded(op: Op) -> fx.Graph:
    """The op's calls, on placeholders; with shapes where there are several."""
    graph = fx.Graph()
    tracer = fx.proxy.GraphAppendingTracer(graph)
    inputs = [fx.Proxy(graph.placeholder(f"input{i}"), tracer) for i in range(len(op.inputs))]
    result: Any = CALLS[op.kind](op, *inputs)
    graph.output(result.node)
    if len(graph.nodes) > len(inputs) + 2:
        images = (torch.empty(2, *shape, device="meta") for shape in op.in_shapes)
        ShapeProp(fx.GraphModule(nn.Module(), graph)).propagate(*images)
    return graph


def _shape(node: fx.Node) -> torch.Size | None:
    found = node.meta.get("tensor_meta")
    return found.shape if found else None


def _function(target: Any) -> str:
    name = target.__name__
    return f"F.{name}" if getattr(F, name, None) is target else f"torch.{name}"


def _options(node: fx.Node) -> dict[str, Any]:
    """Keyword arguments that are not the default."""
    try:
        known = inspect.signature(node.target).parameters  # type: ignore[arg-type]
        usual = {name: parameter.default for name, parameter in known.items()}
    except (TypeError, ValueError):  # a method, or written in C
        usual = {}
    return {k: value for k, value in node.kwargs.items() if value not in (None, usual.get(k))}
