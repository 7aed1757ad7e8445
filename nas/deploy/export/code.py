"""Layers and ops as lines of Python."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from torch import fx, nn
from torch.nn import functional as F  # noqa: N812 - torch's own spelling

from nas.graph.ops import Op
from nas.modules.layers import CALLS

WIDTH = 100
"""Maximum line length, if a line can be split."""
OPERATORS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "matmul": "@"}


def layer_code(layer: nn.Module) -> str:
    """The expression that creates a layer: its `repr`, without common defaults."""
    if isinstance(layer, nn.Sequential):
        return f"nn.Sequential({', '.join(map(layer_code, layer))})"
    kind = type(layer)
    name = f"nn.{kind.__name__}" if kind.__module__.startswith("torch.") else kind.__name__
    arguments = re.sub(r"(, )?(\w+=True|approximate='none')", "", layer.extra_repr())
    arguments = re.sub(r"=\((\d+), \1\)", r"=\1", arguments)  # a single number for a square
    arguments = arguments.replace("-inf", 'float("-inf")')
    return f"{name}({arguments})"


def call_lines(op: Op, inputs: Sequence[str], name: str) -> Iterator[str]:
    """Statements that compute an op without a layer, and assign it to `name`."""
    graph = fx.Graph()
    tracer = fx.proxy.GraphAppendingTracer(graph)
    result: Any = CALLS[op.kind](op, *(fx.Proxy(graph.placeholder("x"), tracer) for _ in inputs))
    for number, node in enumerate(graph.nodes, start=1 - len(inputs)):
        if node.op == "placeholder":
            node.name = inputs[number - 1]  # the repr of a node is its name
            continue
        node.name = name if node is result.node else f"{name}_{number}"
        yield f"{node.name} = {_call(node)}"


def _call(node: fx.Node) -> str:
    """The expression of a node: a method or function call, or an operator."""
    name, args = getattr(node.target, "__name__", str(node.target)), [*node.args]
    if name in OPERATORS:
        return f" {OPERATORS[name]} ".join(map(str, args))
    while args[-1] is None:
        args.pop()
    head = f"F.{name}" if getattr(F, name, None) is node.target else f"torch.{name}"
    if node.op == "call_method":
        head = f"{args.pop(0)}.{name}"
    usual = inspect.signature(node.target).parameters if inspect.isfunction(node.target) else {}
    options = {k: v for k, v in node.kwargs.items() if k not in usual or v != usual[k].default}
    named = (f"{key}={_value(value)}" for key, value in options.items() if value is not None)
    return f"{head}({', '.join([*map(str, args), *named])})"


def _value(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else str(value)


def wrapped(line: str, indent: int) -> str:
    """Indent a statement; if it is too long, move the arguments of its call to new lines."""
    pad = " " * indent
    if len(pad + line) <= WIDTH or "(" not in line:
        return pad + line
    start, end, depth, arguments = line.index("(") + 1, line.index("(") + 1, 1, [""]
    while depth:
        letter, end = line[end], end + 1
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 1:
            arguments.append("")
        elif depth:
            arguments[-1] += letter
    inside = f"{pad}    {line[start : end - 1]}"
    if len(inside) > WIDTH:
        inside = "\n".join(wrapped(f"{argument.strip()},", indent + 4) for argument in arguments)
    return f"{pad}{line[:start]}\n{inside}\n{pad}{line[end - 1 :]}"
